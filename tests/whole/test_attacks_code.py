"""The authorization endpoint, its forms and its codes: redirects, PKCE, CSRF, other browsers (attacks D)."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from expect import Watch, granted
from parties import Browser, Client, b64, claims_of, forms_of
from zone import ANALYTICS, CHURN, Zone

GOOD = "http://127.0.0.1:7777/callback"


def answered(zone: Zone, answer: Any) -> dict[str, str]:
    """A refusal that went to the client, with `iss` and no code."""
    assert answer.status_code == 303, f"{answer.status_code} {answer.text[:300]}"
    query = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    assert answer.headers["location"].startswith("http://127.0.0.1:7777/callback?")
    assert query["iss"] == zone.issuer and query["state"] == "xyz" and "code" not in query
    return query


def page_400(answer: Any, status: int = 400) -> None:
    """An error page; no redirect to anywhere."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:300]} {answer.headers.get('location')}"
    assert "location" not in answer.headers and answer.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


BAD_REDIRECTS = [
    "http://127.0.0.1:7777/callback/x", "http://127.0.0.1:7777/callbackx", "http://127.0.0.1:7777/callback/", "http://127.0.0.1:7777/callback/..;/x", "http://127.0.0.1:7777/x/../callback",
    "http://127.0.0.1:7777/%2e%2e/callback", "http://127.0.0.1:7777/./callback", "http://127.0.0.1:7777\\callback", "http://127.0.0.1:7777/callback\\..", "http://evil@127.0.0.1:7777/callback",
    "http://127.0.0.1@evil.example/callback", "http://127.0.0.1:7777@evil.example@127.0.0.1/callback", "http://[::1]:7777/callback", "http://127.0.0.1.:7777/callback", "http://127.0.0.1.evil.example/callback",
    "http://127.0.0.2:7777/callback", "http://127.1:7777/callback", "http://2130706433/callback", "http://0x7f000001/callback", "http://xn--127-0.example/callback", "http://127.0.0.1:7777/Callback",
    "http://127.0.0.1:7777/callback?x=1", "http://127.0.0.1:7777/callback#x", "http://127.0.0.1:7777/callback#", "http://127.0.0.1:7777/callback?code=1", "http://127.0.0.1:7777/callback?state=1",
    "http://127.0.0.1:7777/callback?iss=1", "http://127.0.0.1:7777/callback?error=1", "http://127.0.0.1:99999/callback", "http://127.0.0.1:7777x/callback", "https://127.0.0.1:7777/callback",
    "ftp://127.0.0.1:7777/callback", "javascript:alert(1)", "data:text/html,x", "//evil.example/callback", "/callback", "callback", "http:/127.0.0.1/callback", "http:127.0.0.1/callback",
    "http://127.0.0.1:7777/callback ", " http://127.0.0.1:7777/callback", "http://127.0.0.1:7777/call\tback", "http://127.0.0.1:7777/callback\r\nX: y", "http://127.0.0.1:7777/callback%00", "http://127.0.0.1:7777/c%61llback",
    "https://app.example:444/cb?keep=1", "https://app.example/cb", "https://app.example/cb?keep=2", "https://app.example/cb?keep=1&x=2", "https://app.example/cb?keep=1#x", "https://APP.example.evil/cb?keep=1",
    "https://app.example./cb?keep=1", "https://app.example/sub/../sub/cb", "https://app.example/sub/cb/", "https://app.example/sub", "https://app.example%2eevil.example/sub/cb", "https://app.example\\@evil.example/sub/cb",
    "", "x" * 3000,
]


@pytest.mark.parametrize("redirect", BAD_REDIRECTS, ids=lambda r: repr(r[:60]))
def test_redirect_that_was_not_registered(zone: Zone, redirect: str) -> None:
    mark = zone.newest()
    page_400(Client(zone, "web", redirect).look())
    assert not zone.events(mark)
    assert Client(zone, "web", GOOD).look().status_code in (200, 303)


@pytest.mark.parametrize("redirect", [GOOD, "http://127.0.0.1/callback", "http://127.0.0.1:65535/callback", "https://app.example/cb?keep=1", "https://app.example/sub/cb"])
def test_redirect_that_was(zone: Zone, redirect: str) -> None:
    back = zone.browser().visit(Client(zone, "web", redirect).url(), redirect.split("?")[0])
    assert back.startswith(redirect + ("&" if "?" in redirect else "?") + "code=")


def test_redirect_is_missing_or_twice(zone: Zone) -> None:
    client = Client(zone, "web", GOOD)
    page_400(client.look(redirect_uri=None))
    page_400(zone.http.get(client.url() + "&redirect_uri=https://evil.example/"))
    page_400(zone.http.get(client.url() + "&client_id=other"))


@pytest.mark.parametrize("client_id", ["nobody", "", "WEB", "web ", "<script>alert(1)</script>", "https://localhost/", "http://localhost/x.json", "dcr_nothing", "x" * 600])
def test_unknown_client_gets_a_page(zone: Zone, client_id: str) -> None:
    answer = Client(zone, client_id, GOOD).look()
    page_400(answer, answer.status_code)
    assert answer.status_code in (400, 401) and "<script" not in answer.text


SHAPES: dict[str, tuple[dict[str, Any], str]] = {
    "no-challenge": ({"code_challenge": None}, "invalid_request"),
    "plain": ({"code_challenge_method": "plain"}, "invalid_request"),
    "no-method": ({"code_challenge_method": None}, "invalid_request"),
    "method-case": ({"code_challenge_method": "s256"}, "invalid_request"),
    "challenge-42": ({"code_challenge": "a" * 42}, "invalid_request"),
    "challenge-129": ({"code_challenge": "a" * 129}, "invalid_request"),
    "challenge-plus": ({"code_challenge": "a" * 42 + "+"}, "invalid_request"),
    "implicit": ({"response_type": "token"}, "unsupported_response_type"),
    "hybrid": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "no-type": ({"response_type": None}, "invalid_request"),
    "fragment-mode": ({"response_mode": "fragment"}, "invalid_request"),
    "form-post": ({"response_mode": "form_post"}, "invalid_request"),
    "request-object": ({"request": "eyJhbGciOiJub25lIn0.e30."}, "invalid_request"),
    "request-uri": ({"request_uri": "https://evil.example/r"}, "invalid_request"),
    "prompt": ({"prompt": "everything"}, "invalid_request"),
    "prompt-none-and-more": ({"prompt": "none login"}, "invalid_request"),
    "resource": ({"resource": "https://unknown.example"}, "invalid_target"),
    "resource-disabled": ({"resource": "https://closed.example/api"}, "invalid_target"),
    "resource-anchor": ({"resource": "churn"}, "invalid_target"),
    "resource-management": ({"resource": "MANAGEMENT"}, "access_denied"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shape_of_the_request(zone: Zone, name: str) -> None:
    change, error = SHAPES[name]
    change = {key: f"{zone.issuer}/management" if value == "MANAGEMENT" else value for key, value in change.items()}
    client = Client(zone, "web", GOOD)
    answer = zone.browser().http.get(client.url(**change))
    assert answered(zone, answer)["error"] == error
    assert client.code(zone.browser())


@pytest.mark.parametrize("name", ["state", "scope", "code_challenge", "response_type", "prompt"])
def test_parameter_twice(zone: Zone, name: str) -> None:
    client = Client(zone, "web", GOOD)
    answer = zone.browser().http.get(client.url() + f"&{name}=a&{name}=b")
    query = {key: values[0] for key, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    assert query["error"] == "invalid_request" and query["iss"] == zone.issuer


@pytest.mark.parametrize("scope", ["purge", "RUN", "run2", "admin"])
def test_scope_that_leaves_nothing(zone: Zone, scope: str) -> None:
    client = Client(zone, "web", GOOD)
    assert answered(zone, zone.browser().http.get(client.url(scope=scope)))["error"] in ("access_denied", "invalid_scope")


def test_prompt_none_asks_nobody(zone: Zone) -> None:
    client = Client(zone, "web", GOOD)
    assert answered(zone, client.look(prompt="none"))["error"] == "login_required"
    assert answered(zone, zone.browser().http.get(client.url(prompt="none")))["error"] == "interaction_required"


def test_get_changes_nothing(zone: Zone) -> None:
    client, mark = Client(zone, "web", GOOD), zone.newest()
    sessions = zone.socket.get("/zones/dev/sessions", params={"status": "open"}).json()["items"]
    for _ in range(3):
        assert zone.browser().http.get(client.url()).status_code == 200
    assert zone.socket.get("/zones/dev/sessions", params={"status": "open"}).json()["items"] == sessions
    assert not [e for e in zone.events(mark) if e["outcome"] == "allowed"]


# --- the code --------------------------------------------------------------------------------------------------------

REDEEM: dict[str, tuple[dict[str, Any], str]] = {
    "no-verifier": ({"code_verifier": None}, "invalid_grant"),
    "verifier-42": ({"code_verifier": "a" * 42}, "invalid_grant"),
    "verifier-129": ({"code_verifier": "a" * 129}, "invalid_grant"),
    "verifier-other": ({"code_verifier": "a" * 43}, "invalid_grant"),
    "verifier-is-challenge": ({"code_verifier": "CHALLENGE"}, "invalid_grant"),
    "other-client": ({"client_id": "COWORK"}, "invalid_grant"),
    "other-redirect": ({"redirect_uri": "http://127.0.0.1:7778/callback"}, "invalid_grant"),
    "other-path": ({"redirect_uri": GOOD + "/x"}, "invalid_grant"),
    "other-resource": ({"resource": ANALYTICS}, "invalid_target"),
    "two-resources": ({"resource": [CHURN, ANALYTICS]}, "invalid_target"),
    "wider-scope": ({"scope": "run more"}, "invalid_scope"),
    "cut-code": ({"code": "CUT"}, "invalid_grant"),
    "upper-code": ({"code": "UPPER"}, "invalid_grant"),
    "no-code": ({"code": None}, "invalid_request"),
    "empty-code": ({"code": ""}, "invalid_request"),
    "no-client": ({"client_id": None}, "invalid_client"),
}


@pytest.mark.parametrize("name", REDEEM)
def test_code_in_wrong_hands(zone: Zone, name: str) -> None:
    client = Client(zone, "web", GOOD)
    code = client.code(zone.browser())
    change, error = dict(REDEEM[name][0]), REDEEM[name][1]
    meant = {"CHALLENGE": b64(hashlib.sha256(client.verifier.encode()).digest()), "COWORK": zone.documents.cowork, "CUT": code[:-1], "UPPER": code.upper()}
    change = {key: meant.get(value, value) if isinstance(value, str) else value for key, value in change.items()}
    watch = Watch(zone)
    watch.check(client.redeem(change.pop("code", code), **change), error, 401 if error == "invalid_client" else 400)
    assert claims_of(granted(client.redeem(code))["access_token"])["sub"] == "sara", "the twin: the same code, rightly"


def test_code_twice_ends_what_it_gave(zone: Zone) -> None:
    client, agent = Client(zone, "web", GOOD), zone.agent("churn")
    code = client.code(zone.browser())
    first = granted(client.redeem(code))
    assert agent.active(first["access_token"])
    watch = Watch(zone)
    watch.check(client.redeem(code), "invalid_grant", event=True)
    assert not agent.active(first["access_token"])
    watch.check(client.refresh(first["refresh_token"]), "invalid_grant")
    watch.check(agent.exchange(first["access_token"], ANALYTICS), "invalid_grant", event=True)


def test_code_redeemed_by_many_at_a_time(zone: Zone) -> None:
    from concurrent.futures import ThreadPoolExecutor

    client = Client(zone, "web", GOOD)
    code = client.code(zone.browser())
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: client.redeem(code), range(20)))
    assert [a.status_code for a in answers].count(200) == 1
    assert all(a.json()["error"] == "invalid_grant" for a in answers if a.status_code != 200)


# --- forms -------------------------------------------------------------------------------------------------------------


def consent(zone: Zone, browser: Browser) -> tuple[Any, Any]:
    page = browser.consent_page(Client(zone, "web", GOOD).url())
    return page, browser.main_form(page)


@pytest.mark.parametrize("name", ["no-token", "empty-token", "flipped", "foreign", "other-request", "no-cookie", "other-user", "other-origin-fields"])
def test_consent_form_forged(zone: Zone, name: str) -> None:
    browser = zone.browser()
    page, form = consent(zone, browser)
    mark, change, sender = zone.newest(), {}, browser
    token = form.fields["csrf"][0]
    if name in ("no-token", "empty-token"):
        change = {"csrf": None if name == "no-token" else ""}
    elif name == "flipped":
        change = {"csrf": ("A" if token[0] != "A" else "B") + token[1:]}
    elif name == "foreign":
        _, other = consent(zone, zone.browser("tom"))
        change = {"csrf": other.fields["csrf"][0]}
    elif name == "other-request":
        change = {"state": "another", "scope": "run more"}
    elif name == "no-cookie":
        sender = Browser(zone, browser.user, browser.password)
    elif name == "other-user":
        sender = zone.browser("tom")
    elif name == "other-origin-fields":
        change = {"redirect_uri": "https://evil.example/"}
    answer = sender.submit(page, form, ("action", "allow"), **change)
    assert "code=" not in answer.headers.get("location", ""), answer.headers
    assert not [e for e in zone.events(mark) if e["outcome"] == "allowed" and e["kind"] != "sign-in"]
    good = browser.submit(page, form, ("action", "allow"))
    assert "code=" in good.headers["location"], "the twin: the same form, unchanged"


def test_deny_is_told_to_the_client(zone: Zone) -> None:
    browser = zone.browser()
    page, form = consent(zone, browser)
    assert answered(zone, browser.submit(page, form, ("action", "deny")))["error"] == "access_denied"


@pytest.mark.parametrize("name", ["no-token", "foreign", "no-pre-cookie", "other-next", "next-url", "query-header", "wrong-password", "unknown-user", "empty-password"])
def test_sign_in_form_forged(zone: Zone, name: str) -> None:
    browser = zone.new_browser()
    page = browser.open(Client(zone, "web", GOOD).url())
    form = browser.main_form(page)
    change: dict[str, Any] = {
        "no-token": {"csrf": None}, "other-next": {"next": "account"}, "next-url": {"next": "https://evil.example/"},
        "query-header": {"query": "x\r\nSet-Cookie: a=b"}, "wrong-password": {"password": "wrong"},
        "unknown-user": {"user": "nobody@acme.example"}, "empty-password": {"password": ""},
    }.get(name, {})
    sender, mark = browser, zone.newest()
    if name == "foreign":
        other = zone.new_browser()
        change = {"csrf": browser.main_form(other.open(Client(zone, "web", GOOD).url())).fields["csrf"][0]}
    if name == "no-pre-cookie":
        sender = zone.new_browser()
    answer = sender.submit(page, form, **change)
    assert answer.status_code in (400, 401), f"{answer.status_code} {answer.headers}"
    assert not any(cookie.startswith("carnet=") for cookie in answer.headers.get_list("set-cookie"))
    assert browser.password not in answer.text
    assert not [e for e in zone.events(mark) if e["outcome"] == "allowed"]
    good = browser.submit(page, form)
    assert good.status_code == 303 and "carnet=" in good.headers["set-cookie"], "the twin"


def test_wrong_name_and_wrong_password_look_alike(zone: Zone) -> None:
    browser = zone.new_browser()
    page = browser.open(zone.issuer + "/account")
    form = browser.main_form(page)
    one = browser.submit(page, form, password="wrong", user="sara@acme.example")
    two = browser.submit(page, form, password="wrong", user="zoe1@acme.example")
    assert one.status_code == two.status_code == 401
    assert one.text.replace("sara@", "zoe1@") == two.text.replace("sara@", "zoe1@")


def test_sign_in_makes_a_new_cookie(zone: Zone) -> None:
    """Session fixation (D11): a cookie that was there before is not the one that is signed in."""
    browser = zone.new_browser()
    browser.http.cookies.set("carnet", "x" * 52, domain="localhost.local", path="/z/dev")
    page = browser.open(zone.issuer + "/account")
    answer = browser.submit(page, browser.main_form(page))
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("carnet="))
    assert "x" * 52 not in cookie and "HttpOnly" in cookie and "SameSite=" in cookie and "Path=/z/dev" in cookie
    value = cookie.split(";")[0].split("=", 1)[1]
    zone.canaries.add(value)
    for old, signed_in in (("x" * 52, False), (value[:-1], False), (value, True)):
        page = zone.http.get(zone.issuer + "/account", headers={"Cookie": f"carnet={old}"})
        assert ("sara@acme.example" in page.text) == signed_in


def test_sign_out_ends_the_cookie(zone: Zone) -> None:
    browser = zone.new_browser("tom")
    page = browser.open(zone.issuer + "/account")
    browser.submit(page, browser.main_form(page))
    cookie = {"Cookie": "; ".join(f"{c.name}={c.value}" for c in browser.http.cookies.jar)}
    assert "tom" in zone.http.get(zone.issuer + "/account", headers=cookie).text
    page = browser.open(zone.issuer + "/logout")
    form = next(f for f in forms_of(page.text) if f.action.endswith("/logout"))
    zone.new_browser().submit(page, form)
    browser.submit(page, form, csrf="x")
    assert "tom" in zone.http.get(zone.issuer + "/account", headers=cookie).text
    browser.submit(page, form)
    assert "password" in zone.http.get(zone.issuer + "/account", headers=cookie).text


@pytest.mark.parametrize("name", ["no-token", "foreign", "other-browser", "others-session"])
def test_close_button_forged(zone: Zone, name: str) -> None:
    whole = zone.entry()
    sara, tom, sid = zone.browser(), zone.browser("tom"), whole["session"]
    tom.consent_page(Client(zone, "web", GOOD).url())
    page = sara.open(zone.issuer + "/account")
    form = next(f for f in forms_of(page.text) if f.fields.get("id") == [sid])
    own = next((f for f in forms_of(tom.open(zone.issuer + "/account").text) if "csrf" in f.fields), None)
    change: dict[str, Any] = {"no-token": {"csrf": None}, "foreign": {"csrf": own.fields["csrf"][0] if own else "x"}}.get(name, {})
    button = next(b for b in form.buttons if b[0]) if any(b[0] for b in form.buttons) else ("action", "close")
    if name in ("no-token", "foreign"):
        answer = sara.submit(page, form, button, **change)
    elif name == "other-browser":
        answer = zone.new_browser().submit(page, form, button)
    else:
        answer = tom.submit(page, form, button, csrf=own.fields["csrf"][0] if own else "x")
    assert answer.status_code in (200, 400, 404)
    assert zone.agent("churn").active(whole["access_token"])
    sara.submit(page, form, button)
    assert not zone.agent("churn").active(whole["access_token"]), "the twin: her own button"


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example;proto=https"}, {"X-Forwarded-Proto": "https"},
                                     {"X-Original-URL": "/evil"}, {"X-HTTP-Method-Override": "DELETE"}], ids=lambda h: next(iter(h)))
def test_headers_change_no_issuer(zone: Zone, headers: dict[str, str]) -> None:
    """D13."""
    metadata = zone.http.get(zone.issuer + "/.well-known/openid-configuration", headers=headers)
    assert metadata.status_code == 200 and "evil" not in metadata.text and metadata.json()["issuer"] == zone.issuer
    page = zone.http.get(Client(zone, "web", GOOD).url(), headers=headers)
    assert "evil" not in page.text and "Secure" not in page.headers.get("set-cookie", "")


def test_new_client_of_the_same_name_is_asked_for(zone: Zone) -> None:
    """D09: consent given to one client serves no other, whatever it calls itself."""
    zone.client().sign_in(zone.browser())
    url = zone.documents.put("/twin.json", client_name="Cowork", redirect_uris=["https://app.example/cb"])
    page = zone.browser().open(Client(zone, url, "https://app.example/cb").url())
    assert any(("action", "allow") in form.buttons for form in forms_of(page.text))
    assert f"localhost:{zone.documents.port}" in page.text
