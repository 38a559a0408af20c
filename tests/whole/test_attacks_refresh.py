"""Refresh, revocation, introspection (attacks E)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from expect import Watch, granted
from parties import Client, claims_of
from zone import ANALYTICS, CHURN, SNOWFLAKE, Zone

GOOD = "http://127.0.0.1:7777/callback"


def test_thirty_uses_one_success(zone: Zone) -> None:
    client = zone.client()
    whole = client.sign_in(zone.browser())
    with ThreadPoolExecutor(15) as pool:
        answers = list(pool.map(lambda _: client.refresh(whole["refresh_token"]), range(30)))
    good = [a.json() for a in answers if a.status_code == 200]
    assert len(good) == 1
    assert all(a.status_code == 400 and a.json()["error"] == "invalid_grant" for a in answers if a.status_code != 200)
    granted(client.refresh(good[0]["refresh_token"]))  # twins within 10 s killed nothing


def test_a_refresh_token_rotates(zone: Zone) -> None:
    client = zone.client()
    token = client.sign_in(zone.browser())["refresh_token"]
    for _ in range(3):
        body = granted(client.refresh(token))
        assert body["refresh_token"] != token
        watch = Watch(zone)
        watch.check(client.refresh(token), "invalid_grant")
        token = body["refresh_token"]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "other-client": ({"client_id": "web"}, "invalid_grant"),
    "no-client": ({"client_id": None}, "invalid_client"),
    "unknown-client": ({"client_id": "nobody"}, "invalid_client"),
    "wider-scope": ({"scope": "run more"}, "invalid_scope"),
    "unknown-scope": ({"scope": "admin"}, "invalid_scope"),
    "other-resource": ({"resource": ANALYTICS}, "invalid_target"),
    "federated-resource": ({"resource": SNOWFLAKE}, "invalid_target"),
    "unknown-resource": ({"resource": "https://unknown.example"}, "invalid_target"),
    "two-resources": ({"resource": [CHURN, ANALYTICS]}, "invalid_target"),
    "cut": ({"refresh_token": "CUT"}, "invalid_grant"),
    "longer": ({"refresh_token": "LONG"}, "invalid_grant"),
    "upper": ({"refresh_token": "UPPER"}, "invalid_grant"),
    "none": ({"refresh_token": ""}, "invalid_request"),
    "access-token": ({"refresh_token": "ACCESS"}, "invalid_grant"),
}


@pytest.mark.parametrize("name", BAD)
def test_refresh_refused(zone: Zone, name: str) -> None:
    client = zone.client()
    whole = client.sign_in(zone.browser())
    token = whole["refresh_token"]
    meant = {"CUT": token[:-1], "LONG": token + "a", "UPPER": token.upper(), "ACCESS": whole["access_token"]}
    change = {k: meant.get(v, v) if isinstance(v, str) else v for k, v in BAD[name][0].items()}
    watch = Watch(zone)
    watch.check(client.refresh(change.pop("refresh_token", token), **change), BAD[name][1], 401 if BAD[name][1] == "invalid_client" else 400)
    body = granted(client.refresh(token, resource=CHURN, scope="run offline_access"))
    assert body["scope"] == "run" and claims_of(body["access_token"])["aud"] == CHURN


# --- introspection -----------------------------------------------------------------------------------------------


def test_introspection_answers_the_owner_alone(zone: Zone) -> None:
    entry = zone.entry()["access_token"]
    second = granted(zone.agent("churn").exchange(entry, ANALYTICS))["access_token"]
    for agent in ("product-analytics", "customer-health"):
        assert zone.agent(agent).post("/introspect", {"token": entry}).json() == {"active": False}
    for agent in ("churn", "customer-health"):
        assert zone.agent(agent).post("/introspect", {"token": second}).json() == {"active": False}
    body = zone.agent("product-analytics").post("/introspect", {"token": second}).json()
    assert body["active"] and body["aud"] == ANALYTICS and body["act"] == {"sub": "churn", "act": {"sub": "cowork"}} and body["scope"] == "query"


@pytest.mark.parametrize("token", ["x", "a.b.c", "." * 5000, "A" * 20000, "\u2603", " ", "s_01m86xnq06stav50x52eekwzyq"])
def test_introspection_of_nonsense(zone: Zone, token: str) -> None:
    answer = zone.agent("churn").post("/introspect", {"token": token})
    assert answer.status_code == 200 and answer.json() == {"active": False} and answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/introspect", "/revoke", "/revocations", "/reports"])
@pytest.mark.parametrize("who", ["nobody", "wrong-secret", "bad-assertion", "query-credentials"])
def test_unauthenticated(zone: Zone, path: str, who: str) -> None:
    entry, agent = zone.entry()["access_token"], zone.agent("churn")
    form: dict[str, Any] = {"token": entry}
    auth, query = None, ""
    if who == "wrong-secret":
        auth = ("nightly", "wrong")
    elif who == "bad-assertion":
        form |= agent.proof(agent.assertion(aud="https://elsewhere.example"))
    elif who == "query-credentials":
        query = f"?client_id=nightly&client_secret={zone.secrets['nightly']}"
    if path == "/reports":
        answer = zone.http.post(zone.issuer + path + query, json={"process": "p", "calls": [], **form}, auth=auth)
    else:
        answer = zone.http.post(zone.issuer + path + query, data=form, auth=auth)
    assert answer.status_code in (400, 401) and answer.json()["error"] in ("invalid_client", "invalid_request"), answer.text
    assert agent.active(entry), "nothing was revoked"


@pytest.mark.parametrize("client", ["web", "COWORK"])
def test_public_client_introspects_nothing(zone: Zone, client: str) -> None:
    entry = zone.entry()["access_token"]
    client_id = zone.documents.cowork if client == "COWORK" else client
    watch = Watch(zone)
    watch.check(zone.http.post(zone.issuer + "/introspect", data={"token": entry, "client_id": client_id}), "invalid_client", 401)


# --- revocation ----------------------------------------------------------------------------------------------------


def revoke(zone: Zone, client_id: str, token: str, **more: str) -> Any:
    return zone.http.post(zone.issuer + "/revoke", data={"token": token, "client_id": client_id, **more})


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_revoke_of_others_does_nothing(zone: Zone, kind: str) -> None:
    client = zone.client()
    whole = client.sign_in(zone.browser())
    foreign, nonsense = revoke(zone, "web", whole[kind]), revoke(zone, "web", "nonsense")
    assert foreign.status_code == nonsense.status_code == 200 and foreign.content == nonsense.content == b""
    assert zone.agent("product-analytics").post("/revoke", {"token": whole[kind]}).status_code == 200
    assert zone.agent("churn").active(whole["access_token"])
    granted(client.refresh(whole["refresh_token"]))


@pytest.mark.parametrize("hint", [None, "refresh_token", "access_token", "nonsense"])
def test_own_refresh_token_takes_its_authorization_along(zone: Zone, hint: str | None) -> None:
    client = zone.client()
    whole = client.sign_in(zone.browser())
    child = granted(zone.agent("churn").exchange(whole["access_token"], ANALYTICS))["access_token"]
    assert revoke(zone, client.client_id, whole["refresh_token"], **({"token_type_hint": hint} if hint else {})).status_code == 200
    watch = Watch(zone)
    watch.check(client.refresh(whole["refresh_token"]), "invalid_grant")
    watch.check(zone.agent("churn").exchange(whole["access_token"], ANALYTICS), "invalid_grant", event=True)
    assert not zone.agent("churn").active(whole["access_token"]) and not zone.agent("product-analytics").active(child)


def test_own_access_token_alone(zone: Zone) -> None:
    """As `logout` of a stock client: the access token by the public client that holds it; its children die with it."""
    client = zone.client()
    whole = client.sign_in(zone.browser())
    child = granted(zone.agent("churn").exchange(whole["access_token"], ANALYTICS))["access_token"]
    assert revoke(zone, client.client_id, whole["access_token"], token_type_hint="access_token").status_code == 200
    assert not zone.agent("churn").active(whole["access_token"]) and not zone.agent("product-analytics").active(child)
    watch = Watch(zone)
    watch.check(zone.agent("churn").exchange(whole["access_token"], ANALYTICS), "invalid_grant", event=True)
    granted(client.refresh(whole["refresh_token"]))


def test_cut_of_an_application_ends_its_hops(zone: Zone) -> None:
    entry = zone.client().sign_in(zone.new_browser("tom"))["access_token"]
    second = granted(zone.agent("churn").exchange(entry, ANALYTICS))["access_token"]
    jti = claims_of(second)["jti"]
    assert zone.socket.post("/zones/dev/cuts", json={"kind": "jti", "id": jti}).is_success
    assert not zone.agent("product-analytics").active(second) and zone.agent("churn").active(entry)
    watch = Watch(zone)
    watch.check(zone.agent("product-analytics").exchange(second, SNOWFLAKE), "invalid_grant", event=True)
    granted(zone.agent("churn").exchange(entry, ANALYTICS))


def test_feed_tells_of_a_close_within_a_second(zone: Zone) -> None:
    import time

    whole = zone.client().sign_in(zone.new_browser("tom"))
    agent = zone.agent("churn")
    with zone.http.stream("POST", zone.issuer + "/revocations", data=agent.proof()) as feed:
        assert feed.status_code == 200 and feed.headers["content-type"].startswith("text/event-stream")
        lines = feed.iter_lines()
        while not next(lines).startswith("event: heartbeat"):
            pass
        closed = time.monotonic()
        zone.socket.patch(f"/zones/dev/sessions/{whole['session']}", json={"status": "revoked"}).raise_for_status()
        for line in lines:
            if line.startswith("data:") and whole["session"] in line:
                break
        assert time.monotonic() - closed < 1


def test_public_client_follows_no_feed(zone: Zone) -> None:
    answer = zone.http.post(zone.issuer + "/revocations", data={"client_id": "web"})
    assert answer.status_code in (400, 401) and answer.json()["error"] in ("invalid_client", "unauthorized_client")


def test_refresh_of_another_browser_redirect(zone: Zone) -> None:
    """Two clients of one user: neither's refresh token serves the other."""
    one, two = zone.client(), Client(zone, "web", GOOD)
    first, second = one.sign_in(zone.browser()), two.sign_in(zone.browser())
    watch = Watch(zone)
    watch.check(one.refresh(second["refresh_token"]), "invalid_grant")
    watch.check(two.refresh(first["refresh_token"]), "invalid_grant")
    granted(one.refresh(first["refresh_token"]))
    granted(two.refresh(second["refresh_token"]))
