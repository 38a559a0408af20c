"""An https host for client metadata documents, under an authority made for this run; it serves bad ones too."""

from __future__ import annotations

import datetime
import http.server
import json
import ssl
import threading
import time
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_PEM = serialization.Encoding.PEM


def _builder(subject: str, key: ec.EllipticCurvePublicKey, issuer: str, authority: bool) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])  # noqa: E731
    return (
        x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def make_certificates(folder: Path) -> None:
    """ca.pem, leaf.pem and leaf.key for localhost, good for a day."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    ca = _builder("Test authority", ca_key.public_key(), "Test authority", True).add_extension(usage, critical=True)
    leaf = (
        _builder("localhost", key.public_key(), "Test authority", False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    (folder / "ca.pem").write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(_PEM))
    (folder / "leaf.pem").write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(_PEM))
    (folder / "leaf.key").write_bytes(
        key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


class Documents:
    """Paths and what they answer: (status, headers, body). `asked` counts the requests of each."""

    def __init__(self, folder: Path) -> None:
        make_certificates(folder)
        self.ca = folder / "ca.pem"
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.delay: dict[str, float] = {}
        self.asked: dict[str, int] = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self.cowork = self.put("/cowork.json", client_name="Cowork", redirect_uris=["http://localhost/callback", "http://127.0.0.1/callback"])

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str) -> str:
        return f"https://localhost:{self.port}{path}"

    def put(self, path: str, without: tuple[str, ...] = (), **change: Any) -> str:
        """A good document at `path`, but for `change` and `without`; its URL."""
        document = {
            "client_id": self.url(path), "client_name": f"Client {path}", "redirect_uris": ["http://127.0.0.1/callback"],
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "token_endpoint_auth_method": "none", "application_type": "native", **change,
        }
        for name in without:
            del document[name]
        return self.put_raw(path, json.dumps(document).encode())

    def put_raw(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        given = {"Content-Type": "application/json", "Cache-Control": "max-age=3600"}
        given.update({name.replace("_", "-"): value for name, value in headers.items()})
        self.answers[path] = (status, given, body)
        return self.url(path)

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 15

            def do_GET(self) -> None:  # noqa: N802 - the library's name
                host.asked[self.path] = host.asked.get(self.path, 0) + 1
                time.sleep(host.delay.get(self.path, 0))
                status, headers, body = host.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
