"""What published clients really send, oddities included, is served; each beside the odd thing that is not."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest
from expect import Watch, granted
from parties import Client, claims_of
from zone import ANALYTICS, CHURN, Zone

GOOD = "http://127.0.0.1:7777/callback"
FORMS = ["/.well-known/oauth-authorization-server/z/dev", "/.well-known/openid-configuration/z/dev", "/z/dev/.well-known/openid-configuration", "/z/dev/.well-known/oauth-authorization-server"]


# --- discovery -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"], ids=["", "doubled-slash"])
@pytest.mark.parametrize("path", FORMS)
def test_discovery_in_all_forms(zone: Zone, path: str, slash: str) -> None:
    answer = zone.http.get(zone.origin + slash + path, headers={"Authorization": "Basic bmlnaHRseTp4"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["issuer"] == zone.issuer, "to the letter, without a slash at the end"
    assert body["code_challenge_methods_supported"] == ["S256"] and body["authorization_response_iss_parameter_supported"] is True
    assert body["client_id_metadata_document_supported"] is True and body["response_types_supported"] == ["code"]
    assert set(body["scopes_supported"]) <= {"openid", "offline_access", "profile", "email"}, "never a list that policy would refuse as a whole"
    assert {"none", "client_secret_basic", "client_secret_post", "private_key_jwt"} <= set(body["token_endpoint_auth_methods_supported"])
    assert [] not in body.values(), "an empty list would mean something else than none"
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint", "introspection_endpoint", "revocation_endpoint"):
        assert body[name].startswith(zone.issuer + "/")


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/z/other", "/.well-known/openid-configuration/z", "/z/other/.well-known/openid-configuration"])
def test_discovery_of_no_zone(zone: Zone, path: str) -> None:
    assert zone.http.get(zone.origin + path).status_code == 404


def test_keys_are_public(zone: Zone) -> None:
    keys = zone.http.get(zone.issuer + "/jwks").json()["keys"]
    assert {key["alg"] for key in keys} >= {"ES256", "RS256"}
    for key in keys:
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key) and key["kid"]


# --- client authentication --------------------------------------------------------------------------------------------


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def every(text: str) -> str:
    return "".join(f"%{ord(c):02X}" for c in text)


@pytest.mark.parametrize("encode", [str, lambda t: quote(t, safe=""), every, lambda t: t.replace("-", "%2D"), lambda t: every(t).lower()], ids=["raw", "quoted", "every-character", "dashes", "lower-case"])
def test_basic_raw_and_form_encoded(zone: Zone, encode: Any) -> None:
    secret, form = zone.secrets["nightly"], {"grant_type": "client_credentials"}
    granted(zone.http.post(zone.issuer + "/token", data=form, headers=basic(encode("nightly"), encode(secret))))
    watch = Watch(zone)
    watch.check(zone.http.post(zone.issuer + "/token", data=form, headers=basic(encode("nightly"), encode(encode(secret[:-1])))), "invalid_client", 401)


def test_basic_scheme_in_any_case_and_client_id_beside_it(zone: Zone) -> None:
    header = basic("nightly", zone.secrets["nightly"])["Authorization"]
    form = {"grant_type": "client_credentials", "client_id": "nightly"}
    for scheme in ("Basic", "basic", "BASIC"):
        granted(zone.http.post(zone.issuer + "/token", data=form, headers={"Authorization": scheme + header[5:]}))
    watch = Watch(zone)
    watch.check(zone.http.post(zone.issuer + "/token", data={**form, "client_id": "other"}, headers={"Authorization": header}), "invalid_client", 401)


@pytest.mark.parametrize("audience", ["ISSUER", "ISSUER/", ["ISSUER"]], ids=str)
def test_audience_of_an_assertion(zone: Zone, audience: Any) -> None:
    """Clients that parse URLs add a slash."""
    agent = zone.agent("churn")
    given = [one.replace("ISSUER", zone.issuer) for one in audience] if isinstance(audience, list) else audience.replace("ISSUER", zone.issuer)
    granted(agent.itself(assertion=agent.assertion(aud=given)))
    watch = Watch(zone)
    watch.check(agent.itself(assertion=agent.assertion(aud=zone.issuer + "//")), "invalid_client", 401)


# --- registration -------------------------------------------------------------------------------------------------------


def register(zone: Zone, **change: Any) -> dict[str, Any]:
    body = {"client_name": "Native", "redirect_uris": ["http://localhost:41000/callback"], "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "token_endpoint_auth_method": "none", "application_type": "native", "scope": " offline_access", **change}
    answer = zone.http.post(zone.issuer + "/register", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_registration_with_a_leading_space(fresh: Zone) -> None:
    """And then the whole way, with another port than was registered (RFC 8252 7.3, for localhost too)."""
    zone = fresh
    made = register(zone)
    assert made["token_endpoint_auth_method"] == "none" and "client_secret" not in made and made["scope"] == "offline_access"
    client = Client(zone, made["client_id"], "http://localhost:52345/callback")
    whole = client.sign_in(zone.browser(), scope=" offline_access", prompt="consent")
    assert claims_of(whole["access_token"])["client_id"] == made["client_id"] and whole["scope"] == "run"
    again = register(zone)
    assert again["client_id"] != made["client_id"]
    refused = Client(zone, again["client_id"], GOOD).redeem("x")
    assert refused.status_code == 400 and refused.json()["error"] == "invalid_grant"


# --- authorize, code and refresh ------------------------------------------------------------------------------------------


def test_looked_at_before_the_browser(zone: Zone) -> None:
    """A client GETs the authorization URL without cookies first, and takes 200 and redirects."""
    client = zone.client()
    assert client.look().status_code in (200, 302, 303, 307, 308)
    assert client.sign_in(zone.browser())["scope"] == "run"


@pytest.mark.parametrize("scope", [None, "", "openid", "openid profile email offline_access", "run offline_access", " run  offline_access ", "openid run"])
def test_scopes_as_clients_ask(zone: Zone, scope: str | None) -> None:
    whole = zone.client().sign_in(zone.browser(), scope=scope)
    assert whole["scope"] == "run" and whole["refresh_token"] and whole["token_type"] == "Bearer"


@pytest.mark.parametrize("name", ["resource-again", "no-redirect", "resource-and-audience"])
def test_code_as_clients_redeem_it(zone: Zone, name: str) -> None:
    client = zone.client()
    change: dict[str, Any] = {"resource-again": {"resource": CHURN}, "no-redirect": {"redirect_uri": None}, "resource-and-audience": {"resource": CHURN, "audience": CHURN}}[name]
    body = granted(client.redeem(client.code(zone.browser()), **change))
    assert claims_of(body["access_token"])["aud"] == CHURN


@pytest.mark.parametrize("scope", [None, "run", "run offline_access", "offline_access", "run openid offline_access", " run"])
def test_refresh_as_clients_ask(zone: Zone, scope: str | None) -> None:
    """Some add offline_access although it was never granted: ignored, not refused."""
    client = zone.client()
    body = granted(client.refresh(client.sign_in(zone.browser())["refresh_token"], scope=scope, resource=CHURN))
    assert body["scope"] == "run" and body["refresh_token"]
    watch = Watch(zone)
    watch.check(client.refresh(body["refresh_token"], scope="run offline_access more"), "invalid_scope")


@pytest.mark.parametrize("resource", ["https://bare.example", "https://bare.example/"])
def test_an_origin_with_and_without_its_slash(zone: Zone, resource: str) -> None:
    client = zone.client()
    whole = client.sign_in(zone.browser(), resource=resource)
    assert claims_of(whole["access_token"])["aud"] == "https://bare.example", "as registered"
    assert granted(client.refresh(whole["refresh_token"], resource=resource))["scope"] == "look"


def test_exchange_with_the_least(zone: Zone) -> None:
    """Published SDKs send resource, subject_token and its type, nothing else; some call the type a JWT."""
    entry, agent = zone.entry()["access_token"], zone.agent("churn")
    body = granted(agent.exchange(entry, ANALYTICS))
    assert body["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token" and 0 < body["expires_in"] <= 300
    granted(agent.exchange(entry, ANALYTICS, subject_token_type="urn:ietf:params:oauth:token-type:jwt"))


def test_logout_of_a_stock_client(zone: Zone) -> None:
    """The refresh token, then the access token, as the public client that it is."""
    client = zone.client()
    whole = client.sign_in(zone.browser())
    for kind in ("refresh_token", "access_token"):
        answer = zone.http.post(zone.issuer + "/revoke", data={"token": whole[kind], "token_type_hint": kind, "client_id": client.client_id})
        assert answer.status_code == 200
    assert not zone.agent("churn").active(whole["access_token"])


def test_three_servers_are_one_session(zone: Zone) -> None:
    client = zone.client()
    first = client.sign_in(zone.browser())
    second = client.sign_in(zone.browser(), resource=ANALYTICS)
    assert first["session"] == second["session"]
    watch = Watch(zone)
    watch.check(client.refresh(second["refresh_token"], resource=CHURN), "invalid_target")
    assert claims_of(granted(client.refresh(second["refresh_token"]))["access_token"])["aud"] == ANALYTICS


def test_verifier_of_the_standard(zone: Zone) -> None:
    """RFC 7636, appendix B."""
    client = zone.client()
    client.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    granted(client.redeem(client.code(zone.browser())))
