"""Who asks a zone: an agent with a key, a client of the code flow, a person at a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from zone import Zone

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims_of(token: str) -> dict[str, Any]:
    return json.loads(unb64(token.split(".")[1]))


def header_of(token: str) -> dict[str, Any]:
    return json.loads(unb64(token.split(".")[0]))


class Agent:
    """An application with a pinned key set: signs its assertions here."""

    def __init__(self, zone: Zone, name: str) -> None:
        self.zone, self.name = zone, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.public = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key())), "kid": f"{name}-1", "alg": "ES256"}

    def claims(self, **change: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.name, "sub": self.name, "aud": self.zone.issuer, "iat": now, "exp": now + 60,
            "jti": secrets.token_hex(12), **change,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def assertion(self, key: Any = None, algorithm: str = "ES256", header: dict[str, Any] | None = None, **change: Any) -> str:
        given = {"typ": "client-authentication+jwt", "kid": f"{self.name}-1", **(header or {})}
        text = jwt.encode(self.claims(**change), key or self.key, algorithm=algorithm, headers=given)
        self.zone.canaries.add(text)
        return text

    def proof(self, assertion: str | None = None) -> dict[str, str]:
        return {"client_assertion_type": JWT_BEARER, "client_assertion": assertion or self.assertion()}

    def post(self, path: str, form: dict[str, Any], assertion: str | None = None) -> httpx.Response:
        return self.zone.http.post(self.zone.issuer + path, data={**form, **self.proof(assertion)})

    def token(self, assertion: str | None = None, **form: Any) -> httpx.Response:
        return remember(self.zone, self.post("/token", form, assertion))

    def exchange(self, token: str, target: Any = None, **more: Any) -> httpx.Response:
        form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN, **more}
        form.setdefault("resource", target)
        return self.token(more.pop("assertion", None), **{name: value for name, value in form.items() if value is not None and name != "assertion"})

    def itself(self, **more: Any) -> httpx.Response:
        return self.token(grant_type="client_credentials", **more)

    def active(self, token: str) -> bool:
        answer = self.post("/introspect", {"token": token})
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["active"])


def remember(zone: Zone, answer: httpx.Response) -> httpx.Response:
    """What was issued must be in no log from now on."""
    if answer.headers.get("content-type", "").startswith("application/json"):
        body = answer.json()
        zone.canaries.update(str(body[name]) for name in ("access_token", "refresh_token") if body.get(name))
    return answer


class Client:
    """A public client of the code flow."""

    def __init__(self, zone: Zone, client_id: str, redirect: str) -> None:
        self.zone, self.client_id, self.redirect = zone, client_id, redirect
        self.verifier = secrets.token_urlsafe(48)

    def parameters(self, **change: Any) -> dict[str, Any]:
        challenge = b64(hashlib.sha256(self.verifier.encode()).digest())
        asked = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect, "state": "xyz",
            "code_challenge": challenge, "code_challenge_method": "S256", "resource": "http://localhost:8001/mcp", **change,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def url(self, **change: Any) -> str:
        return str(httpx.URL(self.zone.issuer + "/authorize", params=self.parameters(**change)))

    def look(self, **change: Any) -> httpx.Response:
        """GET the authorization endpoint as clients do before they open a browser."""
        return self.zone.http.get(self.url(**change))

    def code(self, browser: Browser, **change: Any) -> str:
        back = browser.visit(self.url(**change), self.redirect.split("?")[0])
        query = parse_qs(urlsplit(back).query)
        assert "code" in query, back
        assert query["iss"] == [self.zone.issuer] and query["state"] == ["xyz"]
        self.zone.canaries.add(query["code"][0])
        return query["code"][0]

    def redeem(self, code: str | None, **change: Any) -> httpx.Response:
        form = {
            "grant_type": "authorization_code", "code": code, "client_id": self.client_id, "redirect_uri": self.redirect,
            "code_verifier": self.verifier, **change,
        }
        sent = {name: value for name, value in form.items() if value is not None}
        return remember(self.zone, self.zone.http.post(self.zone.issuer + "/token", data=sent))

    def refresh(self, token: str, **change: Any) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.client_id, **change}
        sent = {name: value for name, value in form.items() if value is not None}
        return remember(self.zone, self.zone.http.post(self.zone.issuer + "/token", data=sent))

    def sign_in(self, browser: Browser, **change: Any) -> dict[str, Any]:
        answer = self.redeem(self.code(browser, **change))
        assert answer.status_code == 200, answer.text
        return answer.json()


class Form:
    def __init__(self, action: str, method: str) -> None:
        self.action, self.method = action, method
        self.fields: dict[str, Any] = {}
        self.asked: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.open = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self.open)
        elif self.open is None:
            return
        elif tag == "button":
            self.open.buttons.append((given.get("name", ""), given.get("value", "")))
        elif tag == "input" and given.get("name"):
            kind = given.get("type", "text")
            if kind == "hidden" or (kind in ("checkbox", "radio") and "checked" in given):
                self.open.fields.setdefault(given["name"], []).append(given.get("value", "on"))
            elif kind not in ("checkbox", "radio"):
                self.open.asked[given["name"]] = kind

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None


def forms_of(page: str) -> list[Form]:
    parser = _Forms()
    parser.feed(page)
    return parser.forms


class Browser:
    """Cookies, redirects and forms; presses the button that allows."""

    def __init__(self, zone: Zone, user: str, password: str) -> None:
        self.zone, self.user, self.password = zone, user, password
        self.http = httpx.Client(trust_env=False, timeout=20)

    def open(self, url: str) -> httpx.Response:
        """Follow redirects inside the zone; the first page."""
        answer = self.http.get(url)
        while answer.is_redirect and urljoin(url, answer.headers["location"]).startswith(self.zone.origin):
            answer = self.http.get(urljoin(url, answer.headers["location"]))
        return answer

    def submit(self, page: httpx.Response, form: Form, button: tuple[str, str] = ("", ""), **change: Any) -> httpx.Response:
        target = urljoin(str(page.request.url), form.action or str(page.request.url))
        data: dict[str, Any] = dict(form.fields)
        for name, kind in form.asked.items():
            data[name] = self.password if kind == "password" else self.user
        if button[0]:
            data[button[0]] = button[1]
        headers = {"Origin": self.zone.origin} | change.pop("headers", {})
        data.update(change)
        return self.http.post(target, data={n: v for n, v in data.items() if v is not None}, headers=headers)

    def visit(self, url: str, until: str) -> str:
        """On and on, allowing what is asked, to the first address that begins with `until`."""
        answer = self.http.get(url)
        for _ in range(12):
            if answer.is_redirect:
                target = urljoin(str(answer.request.url), answer.headers["location"])
                if target.startswith(until):
                    return target
                answer = self.http.get(target)
                continue
            form = self.main_form(answer)
            answer = self.submit(answer, form, ("action", "allow") if ("action", "allow") in form.buttons else ("", ""))
        raise AssertionError(f"not at {until}: {answer.status_code} {answer.text[:300]}")

    @staticmethod
    def main_form(page: httpx.Response) -> Form:
        forms = [form for form in forms_of(page.text) if form.method == "post"]
        assert page.status_code < 400 and forms, f"{page.status_code} {page.text[:600]}"
        allows = [form for form in forms if ("action", "allow") in form.buttons]
        return (allows or [form for form in forms if form.asked] or forms)[0]

    def consent_page(self, url: str) -> httpx.Response:
        """Signed in, at the page that asks."""
        page = self.open(url)
        while not any(("action", "allow") in form.buttons for form in forms_of(page.text)):
            answer = self.submit(page, self.main_form(page))
            page = self.open(urljoin(self.zone.origin, answer.headers["location"])) if answer.is_redirect else answer
        return page
