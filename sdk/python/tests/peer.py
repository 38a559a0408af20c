"""A peer for unit tests: just enough of a zone's protocol to talk to, in this process.

Decides nothing: it issues what the test tells it to and records what it was
sent.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

_MAKE = {
    "RS256": lambda kid: RSAKey.generate_key(2048, {"kid": kid}),
    "ES256": lambda kid: ECKey.generate_key("P-256", {"kid": kid}),
    "EdDSA": lambda kid: OKPKey.generate_key("Ed25519", {"kid": kid}),
}
_REGISTRY = jws.JWSRegistry(algorithms=["RS256", "ES256", "EdDSA", "HS256"])


class Peer:
    """The zone's state, and its ASGI app."""

    def __init__(self) -> None:
        self.origin = ""
        self.issuer = ""
        self.keys: dict[str, tuple[str, Any]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.reports: list[dict[str, Any]] = []
        self.inactive: set[str] = set()
        self.cuts: list[tuple[int, dict[str, Any]]] = []
        self.sequence = 0
        self.kept_from = 0
        self.silent = False
        self.down = False
        self.token_delay = 0.0
        self.introspect_delay = 0.0
        self.metadata_changes: dict[str, Any] = {}
        self.answer: Callable[[dict[str, str]], tuple[int, dict[str, Any]]] = self.issue
        self.add_key("ES256")

    def add_key(self, algorithm: str) -> str:
        kid = f"{algorithm.lower()}-{len(self.keys) + 1}"
        self.keys[kid] = (algorithm, _MAKE[algorithm](kid))
        return kid

    def token(self, audience: str, *, kid: str | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        kid = kid or next(iter(self.keys))
        algorithm, key = self.keys[kid]
        now = int(time.time())
        body = {
            "iss": self.issuer, "sub": "sara", "aud": audience, "client_id": "https://localhost/cowork.json",
            "scope": "run", "sid": "s_1", "jti": f"d_{uuid.uuid4().hex}", "iat": now, "exp": now + 300,
            "act": {"sub": "cowork"}, "anc": ["a_1", "s_1"], **claims,
        }
        body = {name: value for name, value in body.items() if value is not None}
        head = {"alg": algorithm, "typ": "at+jwt", "kid": kid, **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return jws.serialize_compact(head, json.dumps(body).encode(), key, registry=_REGISTRY)

    def issue(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        jti = f"d_{uuid.uuid4().hex}"
        return 200, {
            "access_token": f"for {form.get('resource')} {form.get('scope', '')} {uuid.uuid4().hex}",
            "token_type": "Bearer", "expires_in": 300, "scope": form.get("scope", "read"),
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "decision_id": jti, "session": "s_1",
        }

    def cut(self, kind: str, identity: str, at: float | None = None) -> None:
        self.sequence += 1
        data = {"kind": kind, "id": identity, "at": int(time.time()) if at is None else at}
        self.cuts.append((self.sequence, data))

    def calls(self, path: str) -> list[dict[str, str]]:
        return [form for where, form in self.requests if where == path]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        path = scope["path"]
        form = {} if path.endswith("/reports") else {k: v[0] for k, v in parse_qs(body.decode()).items()}
        headers = {k.decode(): v.decode() for k, v in scope["headers"]}
        self.requests.append((path.rsplit("/", 1)[-1], {**form, "_traceparent": headers.get("traceparent", "")}))
        if self.down:
            return await _reply(send, 503, {})
        await self._route(path, form, body, send, receive)

    async def _route(self, path: str, form: dict[str, str], body: bytes, send: Any, receive: Any) -> None:
        if path == "/.well-known/oauth-authorization-server/z/dev":
            return await _reply(send, 200, {
                "issuer": self.issuer, "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks", "introspection_endpoint": f"{self.issuer}/introspect",
                **self.metadata_changes})
        if path == "/z/dev/jwks":
            keys = [{**key.as_dict(private=False), "alg": alg, "use": "sig"} for alg, key in self.keys.values()]
            return await _reply(send, 200, {"keys": keys})
        if path == "/z/dev/token":
            await asyncio.sleep(self.token_delay)
            return await _reply(send, *self.answer(form))
        if path == "/z/dev/introspect":
            await asyncio.sleep(self.introspect_delay)
            return await _reply(send, 200, {"active": form["token"] not in self.inactive})
        if path == "/z/dev/reports":
            self.reports.append(json.loads(body))
            return await _reply(send, 204, None)
        if path == "/z/dev/revocations":
            return await self._feed(form, send)
        return await _reply(send, 404, {})

    async def _feed(self, form: dict[str, str], send: Any) -> None:
        after = int(form.get("after", self.kept_from))
        if after < self.kept_from:
            return await _reply(send, 410, {})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        beat = 0.0
        while not self.silent and not self.down:
            text = ""
            for sequence, data in [cut for cut in self.cuts if cut[0] > after]:
                text += f"id: {sequence}\nevent: cut\ndata: {json.dumps(data)}\n\n"
                after = sequence
            if time.monotonic() - beat > 0.2:
                beat = time.monotonic()
                text += f"event: heartbeat\ndata: {json.dumps({'seq': after, 'at': int(time.time())})}\n\n"
            if text:
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            await asyncio.sleep(0.02)
        await send({"type": "http.response.body", "body": b""})


async def _reply(send: Any, status: int, body: Any) -> None:
    data = b"" if body is None else json.dumps(body).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


class Served:
    """An ASGI app served on a free loopback port by a thread of its own."""

    def __init__(self, app: Any, lifespan: str = "off", listener: socket.socket | None = None) -> None:
        self.listener = listener or socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        config = uvicorn.Config(app, log_level="warning", lifespan=lifespan, timeout_graceful_shutdown=1,
                                timeout_keep_alive=60)  # as the zone: longer than any client keeps a connection
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self.listener]}, daemon=True)

    def __enter__(self) -> Served:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(5)
