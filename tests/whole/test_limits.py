"""Malformed, oversized, slow and repeated input: a clear refusal, nothing issued, and the daemon goes on."""

from __future__ import annotations

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from expect import Watch, granted
from zone import Zone


def talk(zone: Zone, data: bytes, *, parts: int = 1, wait: float = 5.0, end: bool = False) -> bytes:
    """Send bytes; all that comes back until the peer closes or is silent."""
    with socket.create_connection(("127.0.0.1", zone.port), 5) as line:
        line.settimeout(wait)
        size = max(1, len(data) // parts)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for at in range(0, len(data), size):
                line.sendall(data[at : at + size])
            if end:
                line.shutdown(socket.SHUT_WR)
        out = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while chunk := line.recv(65536):
                out += chunk
                if parts == 1 and b"\r\n\r\n" in out and wait < 1:
                    break
        return out


def post(body: bytes, head: bytes = b"", line: bytes = b"POST /z/dev/token HTTP/1.1") -> bytes:
    length = b"" if b"ontent-" in head or b"ransfer-" in head else b"Content-Length: %d\r\n" % len(body)
    return line + b"\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n" + length + head + b"\r\n" + body


FORM = b"grant_type=client_credentials"
MALFORMED: dict[str, bytes] = {
    "two-lengths": post(FORM, b"Content-Length: 29\r\nContent-Length: 30\r\n"),
    "length-and-chunked": post(b"0\r\n\r\n", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    "empty-length": post(FORM, b"Content-Length: \r\n"), "signed-length": post(FORM, b"Content-Length: +29\r\n"), "negative-length": post(FORM, b"Content-Length: -1\r\n"), "hex-length": post(FORM, b"Content-Length: 0x1d\r\n"),
    "huge-length": post(FORM, b"Content-Length: 99999999999999999999999\r\n"), "list-length": post(FORM, b"Content-Length: 29, 30\r\n"),
    "chunked-twice": post(b"0\r\n\r\n", b"Transfer-Encoding: chunked, chunked\r\n"), "chunked-not-last": post(b"0\r\n\r\n", b"Transfer-Encoding: chunked, gzip\r\n"), "chunked-case": post(b"0\r\n\r\n", b"Transfer-Encoding: xchunked\r\n"),
    "chunk-size": post(b"zz\r\nabc\r\n0\r\n\r\n", b"Transfer-Encoding: chunked\r\n"), "chunk-negative": post(b"-1\r\n\r\n", b"Transfer-Encoding: chunked\r\n"), "chunk-huge": post(b"ffffffffffffffffff\r\n", b"Transfer-Encoding: chunked\r\n"),
    "chunk-extension": post(b"1;" + b"x" * 5000 + b"\r\na\r\n0\r\n\r\n", b"Transfer-Encoding: chunked\r\n"),
    "bare-lf": post(FORM).replace(b"\r\n", b"\n"), "bare-cr": post(FORM, b"X: a\rY: b\r\n"), "fold": post(FORM, b"X: a\r\n b\r\n"), "space-before-colon": post(FORM, b"Content-Length : 29\r\n"), "nul-in-header": post(FORM, b"X: a\0b\r\n"),
    "no-name": post(FORM, b": x\r\n"), "no-colon": post(FORM, b"nonsense\r\n"), "no-host": b"POST /z/dev/token HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "two-hosts": post(FORM, b"Host: evil\r\n"),
    "version": post(FORM, line=b"POST /z/dev/token HTTP/9.9"), "version-none": b"GET /\r\n\r\n", "method": post(FORM, line=b"BREW /z/dev/token HTTP/1.1"), "method-lower": post(FORM, line=b"post /z/dev/token HTTP/1.1"),
    "target-space": post(FORM, line=b"POST /z/dev/to ken HTTP/1.1"), "target-nul": post(FORM, line=b"POST /z/dev/token\0 HTTP/1.1"), "binary": bytes(range(256)) * 20, "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 512,
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "long-line": post(FORM, line=b"POST /z/dev/token" + b"x" * 20000 + b" HTTP/1.1"), "long-header": post(FORM, b"X: " + b"x" * 70000 + b"\r\n"), "many-headers": post(FORM, b"X: y\r\n" * 500),
    "expectation": post(FORM, b"Expect: the-worst\r\n"), "upgrade": post(FORM, b"Connection: upgrade\r\nUpgrade: h2c\r\n"), "connect": post(b"", line=b"CONNECT evil.example:443 HTTP/1.1"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_http(zone: Zone, name: str) -> None:
    mark = zone.newest()
    answer = talk(zone, MALFORMED[name], wait=0.8)
    assert not answer or answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 5"), answer[:200]
    assert answer.count(b"HTTP/1.1 ") <= 1, "two answers to one request: smuggling"
    assert b"access_token" not in answer and not zone.events(mark)
    granted(zone.agent("churn").itself())


def test_split_at_every_byte(zone: Zone) -> None:
    whole = post(FORM)
    assert talk(zone, whole, parts=len(whole)).startswith(b"HTTP/1.1 401")


def test_cut_off_at_every_place(zone: Zone) -> None:
    whole = post(FORM)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: talk(zone, whole[:n], end=True, wait=2), range(1, len(whole), 7)))
    assert all(not a or a.startswith(b"HTTP/1.1 4") for a in answers)


def test_pipelined_requests_are_answered_in_order(zone: Zone) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    two = b"GET /z/dev/jwks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = talk(zone, one * 5 + two)
    assert answer.count(b"HTTP/1.1 200") == 6 and answer.rindex(b"ok\n") < answer.index(b'"keys"')


def test_slow_heads_do_not_hold_others_up(zone: Zone) -> None:
    lines = [socket.create_connection(("127.0.0.1", zone.port)) for _ in range(200)]
    try:
        for line in lines:
            line.sendall(b"POST /z/dev/token HTTP/1.1\r\nHost: loc")
        began = time.monotonic()
        for _ in range(5):
            granted(zone.agent("churn").itself())
        assert time.monotonic() - began < 3
    finally:
        for line in lines:
            line.close()


def test_slow_body_is_ended(zone: Zone) -> None:
    """Nobody holds a connection with half a request: the head's deadline is ten seconds."""
    with socket.create_connection(("127.0.0.1", zone.port)) as line:
        line.sendall(b"POST /z/dev/token HTTP/1.1\r\nHost: localhost\r\n")
        line.settimeout(15)
        began, out = time.monotonic(), b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := line.recv(4096):
                out += chunk
        assert 5 < time.monotonic() - began < 14 and (not out or out.startswith(b"HTTP/1.1 408"))


def test_oversized_body(zone: Zone) -> None:
    for body in (b"a=" + b"x" * 70000, b"a=" + b"x" * 3_000_000):
        answer = zone.http.post(zone.issuer + "/token", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status_code in (400, 413)
    granted(zone.agent("churn").itself())


FORMS: dict[str, bytes] = {
    "many-fields": b"&".join(b"a%d=1" % i for i in range(3000)), "empty-fields": b"&" * 30000, "bad-percent": FORM + b"&a=%zz", "cut-percent": FORM + b"&a=%2", "nul": FORM + b"&a=%00", "utf8": FORM + b"&scope=%ff%fe",
    "overlong": FORM + b"&scope=%c0%af", "surrogate": FORM + b"&scope=%ed%a0%80", "long-name": b"x" * 9000 + b"=1&" + FORM, "json": b'{"grant_type":"client_credentials"}', "nothing": b"", "equals": b"=" * 1000, "no-value": b"grant_type",
    "semicolon": b"grant_type=client_credentials;client_id=churn", "array": b"grant_type[]=client_credentials", "case": b"GRANT_TYPE=client_credentials", "space": b"grant_type =client_credentials",
}


@pytest.mark.parametrize("name", FORMS)
def test_malformed_form(zone: Zone, name: str) -> None:
    watch = Watch(zone)
    answer = zone.http.post(
        zone.issuer + "/token", content=FORMS[name], headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    error = answer.json()["error"]
    assert error in ("invalid_request", "invalid_client", "unsupported_grant_type"), answer.text
    watch.check(answer, error, 401 if error == "invalid_client" else answer.status_code)
    assert answer.status_code < 500


DOUBLED = ["grant_type", "client_assertion", "client_assertion_type", "subject_token", "subject_token_type", "scope", "requested_token_type", "client_id", "unknown"]


@pytest.mark.parametrize("name", DOUBLED)
def test_doubled_parameter(zone: Zone, name: str) -> None:
    agent = zone.agent("churn")
    watch = Watch(zone)
    form: dict[str, Any] = {"grant_type": "client_credentials", **agent.proof()}
    form[name] = [form.get(name, "x"), form.get(name, "x")]
    watch.check(zone.http.post(zone.issuer + "/token", data=form), "invalid_request")
    granted(agent.itself())


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
def test_doubled_token(zone: Zone, path: str) -> None:
    """Which of two would be meant? Neither."""
    agent = zone.agent("churn")
    token = zone.entry()["access_token"]
    answer = agent.post(path, {"token": ["x", token]})
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_request", answer.text
    assert agent.active(token)


@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke"])
def test_query_parameters_are_not_read(zone: Zone, path: str) -> None:
    agent, secret = zone.agent("churn"), zone.secrets["nightly"]
    token = zone.entry()["access_token"]
    query = f"?grant_type=client_credentials&client_id=nightly&client_secret={secret}&token={token}"
    answer = zone.http.post(zone.issuer + path + query)
    assert answer.status_code in (400, 401) and answer.json()["error"] in ("invalid_request", "invalid_client"), answer.text
    answer = agent.post(path + "?token=x", {"grant_type": "client_credentials", "token": token})
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_request", answer.text
    assert agent.active(token)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke", "/register", "/revocations", "/reports"])
def test_other_methods(zone: Zone, method: str, path: str) -> None:
    answer = zone.http.request(method, zone.issuer + path + "?grant_type=client_credentials")
    assert answer.status_code in (204, 405) if method == "OPTIONS" else answer.status_code == 405
    assert "access_token" not in answer.text


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", "", "application/x-www-form-urlencodedx", "application/xml"])
def test_content_type(zone: Zone, kind: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    body = "&".join(f"{k}={v}" for k, v in {"grant_type": "client_credentials", **agent.proof()}.items())
    watch.check(zone.http.post(zone.issuer + "/token", content=body.encode(), headers={"Content-Type": kind}), "invalid_request")
    for good in ("application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded; charset=UTF-8"):
        body = "&".join(f"{k}={v}" for k, v in {"grant_type": "client_credentials", **agent.proof()}.items())
        granted(zone.http.post(zone.issuer + "/token", content=body.encode(), headers={"Content-Type": good}))


PATHS = ["//z/dev//token", "/z/dev/token/", "/z/dev/./token", "/z/dev/../dev/token", "/z/dev/%74oken", "/z/dev/token;x=1", "/z/dev/token%2f", "/z//dev/token", "/Z/DEV/token", "/z/dev", "/z/devil/token", "/z/dev/token%00", "/metrics", "/zones", "/debug/pprof", "/z/dev/zones/dev/events"]


@pytest.mark.parametrize("path", PATHS)
def test_path_that_is_none(zone: Zone, path: str) -> None:
    """G06, M07: a path has one spelling, and the public listener has neither metrics nor management."""
    answer = talk(zone, post(FORM, line=f"POST {path} HTTP/1.1".encode()))
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 405", b"HTTP/1.1 400")), answer[:80]


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"redirect_uris":' + b"[" * 9000, b'{"redirect_uris":["http://127.0.0.1/cb"],"redirect_uris":[]}', b"x" * 20000, b'{"redirect_uris":["http://127.0.0.1/\\u0000"]}'], ids=lambda b: repr(b[:20]))
def test_malformed_json(zone: Zone, body: bytes) -> None:
    answer = zone.http.post(zone.issuer + "/register", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413, 429), answer.text
    auth = ("nightly", zone.secrets["nightly"])
    answer = zone.http.post(zone.issuer + "/reports", content=body, headers={"Content-Type": "application/json"}, auth=auth)
    assert answer.status_code in (400, 413), answer.text


def test_memory_does_not_grow(zone: Zone) -> None:
    assert zone.process is not None
    def rss() -> int:
        with open(f"/proc/{zone.process.pid}/statm") as statm:  # type: ignore[union-attr]
            return int(statm.read().split()[1]) * 4096
    blocks = [post(b"a=" + b"x" * 60000), MALFORMED["binary"], MALFORMED["long-header"], post(b"&" * 30000)]
    for block in blocks * 5:
        talk(zone, block, wait=0.5)
    before = rss()
    for block in blocks * 25:
        talk(zone, block, wait=0.5)
    assert rss() - before < 4 << 20
