"""A Snowflake account to talk to: fakesnow's server behind Snowflake's External OAuth.

The real connector logs in with `authenticator="oauth"`. This layer checks the
token as an EXTERNAL_OAUTH security integration does (issuer, audience, RS256
signature by the published keys, expiry, role from `scp`, user by login name)
and gives the Snowflake session the privileges of that role. fakesnow, which
checks nothing, does the SQL.

Knows nothing of Carnet: an issuer and its key set are all that it trusts.
Like Snowflake, it asks for a token at login only.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import jwt
import sqlglot
import uvicorn
from sqlglot import exp

ROLES = {
    "ANALYST": frozenset({"read"}),
    "STEWARD": frozenset({"read", "write", "delete"}),
}
_READS = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values, exp.Show, exp.Describe, exp.Use)
_WRITES = (exp.Insert, exp.Update, exp.Merge, exp.MultitableInserts)
_DELETES = (exp.Delete, exp.TruncateTable)
_ROWS = [
    ("C-17", "Globex", 41, 3, "2026-09-02"),
    ("C-23", "Initech", 12, 1, "2026-11-19"),
    ("C-31", "Umbrella", 5, 0, "2026-10-11"),
    ("C-42", "Hooli", 88, 9, "2026-11-23"),
]

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Integration:
    """CREATE SECURITY INTEGRATION … TYPE = EXTERNAL_OAUTH, as far as it is used."""

    issuer: str
    jwks_url: str
    audience: str
    users: dict[str, frozenset[str]]


@dataclass(frozen=True)
class Login:
    user: str
    role: str


class LoginRefused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Door:
    """Checks tokens at login."""

    def __init__(self, integration: Integration) -> None:
        self._it = integration
        self._keys = jwt.PyJWKClient(integration.jwks_url, cache_keys=False, lifespan=60)

    def login(self, data: dict[str, Any]) -> Login:
        if str(data.get("AUTHENTICATOR", "")).upper() != "OAUTH":
            raise LoginRefused("390100", "Incorrect username or password was specified.")
        claims = self._claims(str(data.get("TOKEN", "")))
        user = str(claims["sub"])
        if user not in self._it.users:
            raise LoginRefused("390303", "Invalid OAuth access token.")
        return Login(user, self._role(claims, self._it.users[user]))

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            return jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._it.audience,
                issuer=self._it.issuer,
                options={"require": ["iss", "aud", "exp", "iat", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise LoginRefused("390318", "OAuth access token expired.") from None
        except jwt.PyJWTError:
            raise LoginRefused("390303", "Invalid OAuth access token.") from None

    def _role(self, claims: dict[str, Any], held: frozenset[str]) -> str:
        scopes = claims.get("scp")
        for scope in scopes if isinstance(scopes, list) else []:
            role = str(scope).removeprefix("session:role:")
            if scope != role and role in held and role in ROLES:
                return role
        raise LoginRefused("390317", "The role requested in the OAuth access token is not granted to the user.")


def classes_of(sql: str) -> frozenset[str]:
    """The operation classes of a statement; what cannot be told apart is `administer`."""
    try:
        statements = [s for s in sqlglot.parse(sql, read="snowflake") if s is not None]
    except sqlglot.errors.SqlglotError:
        return frozenset({"administer"})
    found: set[str] = set()
    for statement in statements:
        found |= _classes(statement)
    return frozenset(found) or frozenset({"administer"})


def _classes(statement: exp.Expression) -> set[str]:
    found: set[str] = set()
    if not isinstance(statement, (*_READS, *_WRITES, *_DELETES)):
        found.add("administer")
    for node in statement.walk():
        if isinstance(node, _DELETES):
            found.add("delete")
        elif isinstance(node, _WRITES) or isinstance(node, exp.Into):
            found.add("write")
        elif isinstance(node, exp.Command):
            found.add("administer")
    if isinstance(statement, exp.Merge) and any(w.find(exp.Delete) for w in statement.find_all(exp.When)):
        found.add("delete")
    return found or {"read"}


class Account:
    """The ASGI layer in front of fakesnow."""

    def __init__(self, inner: Any, door: Door) -> None:
        self._inner, self._door = inner, door
        self._sessions: dict[str, Login] = {}
        self.logins: list[str] = []

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        body = await _whole(receive)
        path = scope["path"]
        if path == "/session/v1/login-request":
            await self._log_in(scope, body, send)
        elif path == "/queries/v1/query-request":
            await self._query(scope, body, send)
        elif path in ("/session", "/session/heartbeat", "/queries/v1/abort-request") and self._who(scope):
            await self._inner(scope, _replay(body), send)
        else:
            await _say(send, {"data": None, "code": "390104", "message": "Not available.", "success": False}, 401)

    async def _log_in(self, scope: dict[str, Any], body: bytes, send: Send) -> None:
        try:
            login = self._door.login(_decode(scope, body)["data"])
        except (LoginRefused, KeyError, ValueError, OSError) as error:
            code = error.code if isinstance(error, LoginRefused) else "390100"
            self.logins.append(f"refused {code}")
            message = error.message if isinstance(error, LoginRefused) else "The login request cannot be read."
            await _say(send, {"data": {"errorCode": code}, "code": code, "message": message, "success": False})
            return
        self.logins.append(f"{login.user} as {login.role}")
        answer = await _capture(self._inner, scope, body)
        token = json.loads(answer.body)["data"]["token"]
        self._sessions[token] = login
        await answer.replay(send)

    async def _query(self, scope: dict[str, Any], body: bytes, send: Send) -> None:
        login = self._who(scope)
        if login is None:
            await _say(send, {"data": None, "code": "390104", "message": "Log in again.", "success": False}, 401)
            return
        missing = classes_of(_decode(scope, body)["sqlText"]) - ROLES[login.role]
        if missing:
            message = f"SQL access control error:\nInsufficient privileges of role {login.role} to {', '.join(sorted(missing))}"
            data = {"errorCode": "003001", "sqlState": "42501"}
            await _say(send, {"data": data, "code": "003001", "message": message, "success": False})
            return
        await self._inner(scope, _replay(body), send)

    def _who(self, scope: dict[str, Any]) -> Login | None:
        value = dict(scope["headers"]).get(b"authorization", b"").decode()
        return self._sessions.get(value.removeprefix('Snowflake Token="').removesuffix('"'))


async def _whole(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > 1 << 20:
            return body


def _replay(body: bytes) -> Receive:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _decode(scope: dict[str, Any], body: bytes) -> dict[str, Any]:
    if dict(scope["headers"]).get(b"content-encoding") == b"gzip":
        body = gzip.decompress(body)
    return json.loads(body)


async def _say(send: Send, body: dict[str, Any], status: int = 200) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


@dataclass
class _Captured:
    messages: list[dict[str, Any]]

    @property
    def body(self) -> bytes:
        return b"".join(m.get("body", b"") for m in self.messages)

    async def replay(self, send: Send) -> None:
        for message in self.messages:
            await send(message)


async def _capture(inner: Any, scope: dict[str, Any], body: bytes) -> _Captured:
    messages: list[dict[str, Any]] = []

    async def keep(message: dict[str, Any]) -> None:
        messages.append(message)

    await inner(scope, _replay(body), keep)
    return _Captured(messages)


def seed() -> None:
    """The tables of the story."""
    import fakesnow.server

    cursor = fakesnow.server.shared_fs.connect("ACME", "PRODUCT").cursor()
    cursor.execute(
        "CREATE OR REPLACE TABLE churn (customer VARCHAR, name VARCHAR, seats INT, logins_last_month INT, last_seen DATE)"
    )
    for row in _ROWS:
        cursor.execute("INSERT INTO churn VALUES ('%s', '%s', %d, %d, '%s')" % row)


def account(integration: Integration) -> Account:
    import fakesnow.server

    seed()
    return Account(fakesnow.server.app, Door(integration))


def main() -> None:
    parser = argparse.ArgumentParser(description="A Snowflake account for the demo")
    parser.add_argument("--port", type=int, default=8005)
    parser.add_argument("--issuer", default="http://localhost:8080/z/dev")
    parser.add_argument("--jwks-url", default=None, help="default: ISSUER/jwks")
    parser.add_argument("--audience", default="https://acme.snowflakecomputing.com")
    parser.add_argument("--user", action="append", default=None, help="LOGIN:ROLE,… (repeatable)")
    args = parser.parse_args()
    users = {}
    for user in args.user or ["sara@acme.example:ANALYST"]:
        name, _, roles = user.partition(":")
        users[name] = frozenset(roles.split(","))
    logging.getLogger("fakesnow.server").setLevel(logging.WARNING)
    integration = Integration(args.issuer, args.jwks_url or f"{args.issuer}/jwks", args.audience, users)
    uvicorn.run(account(integration), host="127.0.0.1", port=args.port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
