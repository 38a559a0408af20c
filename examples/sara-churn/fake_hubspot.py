"""A HubSpot to connect to: its own OAuth server and a contacts API that accepts only its own tokens.

Refresh tokens rotate and are good once. `/counts` shows what happened, so that
a test can see that one refresher works at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import html
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

_CONTACTS = [
    {"customer": "C-17", "company": "Globex", "email": "it@globex.example", "tickets": "7", "nps": "3"},
    {"customer": "C-23", "company": "Initech", "email": "ops@initech.example", "tickets": "1", "nps": "8"},
    {"customer": "C-31", "company": "Umbrella", "email": "desk@umbrella.example", "tickets": "4", "nps": "5"},
    {"customer": "C-42", "company": "Hooli", "email": "team@hooli.example", "tickets": "0", "nps": "9"},
]
_READ = "crm.objects.contacts.read"


@dataclass
class Grant:
    """What one user allowed one client."""

    user: str
    scope: str
    live: bool = True


@dataclass
class Code:
    grant: Grant
    redirect_uri: str
    challenge: str | None
    until: float


@dataclass
class Counts:
    tokens: int = 0
    refreshes: int = 0
    refreshing: int = 0
    refreshing_most: int = 0
    reused: int = 0
    revoked: int = 0
    served: int = 0
    foreign: int = 0


class Hubspot:
    def __init__(
        self, client_id: str, client_secret: str, *, token_seconds: int = 60, users: dict[str, str] | None = None,
        redirect_uri: str | None = None, slow: float = 0.0,
    ) -> None:
        self._client = (client_id, client_secret)
        self._seconds, self._slow = token_seconds, slow
        self._users = users or {"sara": "hubspot-pass"}
        self._redirect_uri = redirect_uri
        self._codes: dict[str, Code] = {}
        self._access: dict[str, tuple[Grant, float]] = {}
        self._refresh: dict[str, Grant] = {}
        self._spent: dict[str, Grant] = {}
        self.counts = Counts()

    def app(self) -> Starlette:
        return Starlette(routes=[
            Route("/oauth/authorize", self.authorize_page, methods=["GET"]),
            Route("/oauth/authorize", self.authorize, methods=["POST"]),
            Route("/oauth/v1/token", self.token, methods=["POST"]),
            Route("/oauth/v1/revoke", self.revoke, methods=["POST"]),
            Route("/crm/v3/objects/contacts", self.contacts, methods=["GET"]),
            Route("/crm/v3/objects/contacts/{id}", self.delete_contact, methods=["DELETE"]),
            Route("/counts", self.show_counts, methods=["GET"]),
            Route("/account/disconnect", self.disconnect, methods=["POST"]),
        ])

    async def authorize_page(self, request: Request) -> Response:
        query = dict(request.query_params)
        refusal = self._refuse_client(query)
        if refusal:
            return refusal
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in query.items()
        )
        return HTMLResponse(
            "<!doctype html><html lang=en><title>Connect to HubSpot</title><h1>Connect to HubSpot</h1>"
            f"<p>{html.escape(query['client_id'])} asks for: {html.escape(query.get('scope', ''))}</p>"
            f'<form method="post" action="/oauth/authorize">{hidden}'
            '<label>User <input name="user" autocomplete="username"></label>'
            '<label>Password <input name="password" type="password"></label>'
            '<button name="action" value="allow">Connect</button>'
            '<button name="action" value="deny">Cancel</button></form>'
        )

    def _refuse_client(self, query: dict[str, str]) -> Response | None:
        if query.get("client_id") != self._client[0] or query.get("response_type") != "code":
            return HTMLResponse("unknown client", 400)
        if not query.get("redirect_uri") or self._redirect_uri not in (None, query["redirect_uri"]):
            return HTMLResponse("unknown redirect", 400)
        return None

    async def authorize(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        refusal = self._refuse_client(form)
        if refusal:
            return refusal
        answer = {"state": form["state"]} if "state" in form else {}
        if form.get("action") != "allow":
            return _back(form["redirect_uri"], {**answer, "error": "access_denied"})
        if not secrets.compare_digest(self._users.get(form.get("user", ""), "\0"), form.get("password", "")):
            return HTMLResponse("wrong user or password", 403)
        code = secrets.token_urlsafe(16)
        grant = Grant(form["user"], form.get("scope", _READ))
        self._codes[code] = Code(grant, form["redirect_uri"], form.get("code_challenge"), time.time() + 60)
        return _back(form["redirect_uri"], {**answer, "code": code})

    async def token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        if not self._authenticated(request, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        if form.get("grant_type") == "authorization_code":
            return self._redeem(form)
        if form.get("grant_type") == "refresh_token":
            return await self._refreshed(form.get("refresh_token", ""))
        return JSONResponse({"error": "unsupported_grant_type"}, 400)

    def _authenticated(self, request: Request, form: dict[str, str]) -> bool:
        given = (form.get("client_id", ""), form.get("client_secret", ""))
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(value).decode().partition(":")
            except ValueError:
                return False
            given = (unquote(name), unquote(secret))
        return secrets.compare_digest("\n".join(given), "\n".join(self._client))

    def _redeem(self, form: dict[str, str]) -> Response:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.until < time.time() or code.redirect_uri != form.get("redirect_uri"):
            return JSONResponse({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if code.challenge and base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return self._issue(code.grant)

    async def _refreshed(self, token: str) -> Response:
        self.counts.refreshing += 1
        self.counts.refreshing_most = max(self.counts.refreshing_most, self.counts.refreshing)
        try:
            await asyncio.sleep(self._slow)
            if token in self._spent:
                # Reuse of a rotated token: the grant is treated as stolen.
                self.counts.reused += 1
                self._spent[token].live = False
            grant = self._refresh.pop(token, None)
            if grant is None or not grant.live:
                return JSONResponse({"error": "invalid_grant", "error_description": "refresh token is not known"}, 400)
            self._spent[token] = grant
            self.counts.refreshes += 1
            return self._issue(grant)
        finally:
            self.counts.refreshing -= 1

    def _issue(self, grant: Grant) -> Response:
        access, refresh = f"hs-at-{secrets.token_urlsafe(24)}", f"hs-rt-{secrets.token_urlsafe(24)}"
        self._access[access] = (grant, time.time() + self._seconds)
        self._refresh[refresh] = grant
        self.counts.tokens += 1
        return JSONResponse(
            {"access_token": access, "refresh_token": refresh, "token_type": "bearer",
             "expires_in": self._seconds, "scope": grant.scope},
            headers={"Cache-Control": "no-store"},
        )

    async def revoke(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        if not self._authenticated(request, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        token = form.get("token", "")
        grant = self._refresh.pop(token, None)
        if grant is not None:
            grant.live = False
        if grant is not None or self._access.pop(token, None) is not None:
            self.counts.revoked += 1
        return Response(status_code=200)

    async def disconnect(self, request: Request) -> Response:
        """What the user does in HubSpot's own settings: throw the connected app out."""
        user = str((await request.form()).get("user", ""))
        for grant in [*self._refresh.values(), *(g for g, _ in self._access.values())]:
            grant.live = grant.live and grant.user != user
        return Response(status_code=204)

    def _grant_of(self, request: Request) -> Grant | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant, until = self._access.get(token, (None, 0.0))
        if scheme.lower() != "bearer" or grant is None or not grant.live or until < time.time():
            self.counts.foreign += 1
            return None
        return grant

    async def contacts(self, request: Request) -> Response:
        grant = self._grant_of(request)
        if grant is None:
            return _problem(401, "INVALID_AUTHENTICATION")
        if _READ not in grant.scope.split():
            return _problem(403, "MISSING_SCOPES")
        self.counts.served += 1
        rows = [{"id": str(n), "properties": contact} for n, contact in enumerate(_CONTACTS, 1)]
        return JSONResponse({"results": rows})

    async def delete_contact(self, request: Request) -> Response:
        grant = self._grant_of(request)
        return _problem(401, "INVALID_AUTHENTICATION") if grant is None else _problem(403, "MISSING_SCOPES")

    async def show_counts(self, request: Request) -> Response:
        return JSONResponse(vars(self.counts))


def _back(uri: str, parameters: dict[str, Any]) -> Response:
    return RedirectResponse(f"{uri}{'&' if '?' in uri else '?'}{urlencode(parameters)}", 303)


def _problem(status: int, category: str) -> Response:
    return JSONResponse({"status": "error", "category": category, "message": category.lower()}, status)


def main() -> None:
    parser = argparse.ArgumentParser(description="A HubSpot for the demo")
    parser.add_argument("--port", type=int, default=8004)
    parser.add_argument("--client-id", default="carnet")
    parser.add_argument("--client-secret-file", required=True)
    parser.add_argument("--token-seconds", type=int, default=60)
    parser.add_argument("--redirect-uri", default=None)
    args = parser.parse_args()
    with open(args.client_secret_file, encoding="utf-8") as file:
        secret = file.read().strip()
    hubspot = Hubspot(args.client_id, secret, token_seconds=args.token_seconds, redirect_uri=args.redirect_uri)
    uvicorn.run(hubspot.app(), host="127.0.0.1", port=args.port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
