"""Cowork: a stock MCP client, and the client metadata document that identifies it.

The client is FastMCP's own, unchanged but for the browser that it opens, which
is Sara. Its id is an https URL under an authority made for this run; the zone
file names that authority.
"""

from __future__ import annotations

import datetime
import json
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import httpx
import httpx2
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from fastmcp import Client
from fastmcp.client.auth import OAuth
from key_value.aio.stores.memory import MemoryStore

from sara import Sara

REDIRECTS = ["http://localhost/callback", "http://127.0.0.1/callback"]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(subject: str, key: ec.EllipticCurvePublicKey, issuer: str, *, authority: bool) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def make_certificates(folder: Path) -> None:
    """ca.pem, and a certificate for localhost under it, good for a day. The authority's key is not kept."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    ca = _certificate("Demo authority", ca_key.public_key(), "Demo authority", authority=True)
    ca_cert = ca.add_extension(usage, critical=True).sign(ca_key, hashes.SHA256())
    leaf = (
        _certificate("localhost", key.public_key(), "Demo authority", authority=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(ca_cert.public_bytes(pem))
    (folder / "cowork.pem").write_bytes(leaf.public_bytes(pem))
    key_file = folder / "cowork.key"
    key_file.touch(0o600)
    key_file.write_bytes(private)


class Document:
    """Serves cowork.json over https, in a thread of this process."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"https://localhost:{port}/cowork.json"
        self.asked = 0
        config = uvicorn.Config(
            self._app, host="127.0.0.1", port=port, log_level="warning", lifespan="off", interface="asgi3",
            ssl_certfile=str(folder / "cowork.pem"), ssl_keyfile=str(folder / "cowork.key"),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(3)

    def content(self) -> dict[str, Any]:
        return {
            "client_id": self.url,
            "client_name": "Cowork",
            "redirect_uris": REDIRECTS,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        }

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        found = scope["type"] == "http" and scope["path"] == "/cowork.json"
        self.asked += found
        body = json.dumps(self.content()).encode() if found else b""
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"max-age=3600")]
        await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class CoworkAuth(OAuth):
    """FastMCP's OAuth client whose browser is Sara."""

    def __init__(self, server: str, document: str, sara: Sara) -> None:
        self._sara = sara
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tokens in memory are what this demo wants
            super().__init__(server, client_metadata_url=document, token_storage=MemoryStore())
        self.failed: Exception | None = None
        self.authorization_url = ""

    async def redirect_handler(self, authorization_url: str) -> None:
        self.authorization_url = authorization_url
        # As FastMCP does: look once, without cookies, before the browser is opened.
        async with httpx2.AsyncClient() as client:
            answer = await client.get(authorization_url, follow_redirects=False)
        if answer.status_code not in (200, 302, 303, 307, 308):
            raise RuntimeError(f"authorization endpoint answered {answer.status_code}: {answer.text[:300]}")
        threading.Thread(target=self._browse, args=(authorization_url,), daemon=True).start()

    def _browse(self, url: str) -> None:
        try:
            back = self._sara.visit(url, f"http://localhost:{self.redirect_port}/")
            _deliver(back)
        except Exception as error:  # noqa: BLE001 - shown to whoever waits for the callback
            self.failed = error
            _deliver(f"http://localhost:{self.redirect_port}/callback?error=server_error")


def _deliver(url: str) -> None:
    """Arrive at the client's loopback address; it opens a moment after the browser."""
    for _ in range(100):
        try:
            httpx.get(url, trust_env=False)
            return
        except httpx.HTTPError:
            time.sleep(0.05)


class Cowork:
    """One client with one connection to each server that Sara adds."""

    def __init__(self, document: str, sara: Sara) -> None:
        self._document, self._sara = document, sara
        self._auth: dict[str, CoworkAuth] = {}

    def auth(self, server: str) -> CoworkAuth:
        if server not in self._auth:
            self._auth[server] = CoworkAuth(server, self._document, self._sara)
        return self._auth[server]

    def client(self, server: str) -> Client[Any]:
        return Client(server, auth=self.auth(server))

    async def call(self, server: str, tool: str, arguments: dict[str, Any] | None = None) -> Any:
        """The structured result of a tool; connecting, signing in and consenting on the way if need be."""
        auth = self.auth(server)
        try:
            async with self.client(server) as client:
                result = await client.call_tool(tool, arguments or {})
        except Exception:
            if auth.failed is not None:
                raise auth.failed from None
            raise
        content = result.structured_content or {}
        return content.get("result", content)

    async def tokens(self, server: str) -> Any:
        """The OAuth tokens held for a server."""
        return await self.auth(server).token_storage_adapter.get_tokens()
