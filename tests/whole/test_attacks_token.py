"""Client authentication, forged tokens, and exchange: what a thief tries at the token endpoint (attacks A, B, C)."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from expect import Watch, granted
from parties import ACCESS_TOKEN, EXCHANGE, b64, claims_of, header_of
from zone import ANALYTICS, CHURN, HEALTH, SNOWFLAKE, Zone

THIEF = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def entry(zone: Zone) -> str:
    """T1: Sara's token for churn."""
    return str(zone.entry()["access_token"])


@pytest.fixture(scope="module")
def second(zone: Zone, entry: str) -> str:
    """T2: churn's token for analytics on Sara's behalf."""
    return str(granted(zone.agent("churn").exchange(entry, ANALYTICS))["access_token"])


# --- A: who asks -------------------------------------------------------------------------------------------------


def test_assertion_is_used_once(zone: Zone) -> None:
    agent, assertion = zone.agent("churn"), zone.agent("churn").assertion()
    granted(agent.itself(assertion=assertion))
    for _ in range(2):
        Watch(zone).check(agent.itself(assertion=assertion), "invalid_client", 401, event=None)
    granted(agent.itself())


def test_assertion_is_used_once_by_many_at_a_time(zone: Zone) -> None:
    from concurrent.futures import ThreadPoolExecutor

    agent, assertion = zone.agent("churn"), zone.agent("churn").assertion()
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: agent.itself(assertion=assertion).status_code, range(20)))
    assert answers.count(200) == 1 and answers.count(401) == 19


BAD_CLAIMS = {
    "no-exp": {"exp": None},
    "exp-in-a-year": {"exp": 366 * 86400},
    "exp-in-ten-minutes": {"exp": 600},
    "exp-past": {"exp": -31},
    "exp-text": {"exp": "soon"},
    "exp-huge": {"exp": 10**30},
    "iat-future": {"iat": 120},
    "nbf-future": {"nbf": 120},
    "no-jti": {"jti": None},
    "empty-jti": {"jti": ""},
    "long-jti": {"jti": "j" * 257},
    "jti-number": {"jti": 7},
    "no-aud": {"aud": None},
    "empty-aud": {"aud": ""},
    "aud-token-endpoint": {"aud": "/token"},
    "aud-other": {"aud": "https://elsewhere.example"},
    "aud-prefix": {"aud": "x"},
    "aud-two": {"aud": ["ISSUER", "https://elsewhere.example"]},
    "no-sub": {"sub": None},
    "sub-other": {"sub": "product-analytics"},
    "no-iss": {"iss": None},
    "iss-unknown": {"iss": "nobody", "sub": "nobody"},
    "iss-other": {"iss": "product-analytics", "sub": "product-analytics"},
    "iss-quote": {"iss": 'churn"', "sub": 'churn"'},
    "iss-nul": {"iss": "churn\0", "sub": "churn\0"},
    "iss-case": {"iss": "Churn", "sub": "Churn"},
}


def _claims(zone: Zone, change: dict[str, Any]) -> dict[str, Any]:
    out = dict(change)
    for name in ("exp", "iat", "nbf"):
        if isinstance(out.get(name), int) and out[name] < 10**12:
            out[name] += int(time.time())
    if out.get("aud") in ("/token", "x"):
        out["aud"] = zone.issuer + out["aud"]
    if isinstance(out.get("aud"), list):
        out["aud"] = [zone.issuer if one == "ISSUER" else one for one in out["aud"]]
    return out


@pytest.mark.parametrize("name", BAD_CLAIMS)
def test_assertion_with_a_wrong_claim(zone: Zone, name: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    header, payload = {"typ": "client-authentication+jwt", "alg": "ES256", "kid": "churn-1"}, agent.claims(**_claims(zone, BAD_CLAIMS[name]))
    signed = sign_raw(agent.key, header, payload)
    zone.canaries.add(signed)
    watch.check(agent.itself(assertion=signed), "invalid_client", 401)
    granted(agent.itself(assertion=sign_raw(agent.key, header, agent.claims())))


def sign_raw(key: ec.EllipticCurvePrivateKey, header: dict[str, Any], payload: dict[str, Any]) -> str:
    """Sign without the library's own checks of what it signs."""
    body = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}"
    return f"{body}.{b64(jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).sign(body.encode(), key))}"


@pytest.mark.parametrize("typ", ["at+jwt", "refresh+jwt", "dpop+jwt", "logout+jwt", "x"])
def test_assertion_of_another_type(zone: Zone, typ: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    watch.check(agent.itself(assertion=agent.assertion(header={"typ": typ})), "invalid_client", 401)
    granted(agent.itself(assertion=agent.assertion(header={"typ": "JWT"})))


def _pem(agent_key: ec.EllipticCurvePrivateKey) -> bytes:
    return agent_key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _hmac(secret: bytes, header: dict[str, Any], payload: dict[str, Any]) -> str:
    import hashlib
    import hmac

    body = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}"
    return f"{body}.{b64(hmac.new(secret, body.encode(), hashlib.sha256).digest())}"


FORGERIES = ("none", "None", "nOnE", "empty-alg", "no-alg", "alg-number", "hs256-pem", "hs256-pem-newline", "hs256-der", "hs256-jwk", "no-signature",
             "thief", "thief-jwk", "thief-jku", "thief-x5c", "es384", "crit", "b64-false")


def forge(name: str, agent_key: ec.EllipticCurvePrivateKey, public: dict[str, Any], payload: dict[str, Any], typ: str) -> str:
    kid = public.get("kid")
    header: dict[str, Any] = {"alg": "ES256", "typ": typ, "kid": kid}
    body = b64(json.dumps(payload).encode())
    if name in ("none", "None", "nOnE"):
        return f"{b64(json.dumps({**header, 'alg': name}).encode())}.{body}."
    if name in ("empty-alg", "alg-number"):
        return f"{b64(json.dumps({**header, 'alg': '' if name == 'empty-alg' else 1}).encode())}.{body}."
    if name == "no-alg":
        return f"{b64(json.dumps({'typ': typ, 'kid': kid}).encode())}.{body}."
    if name.startswith("hs256"):
        pem = _pem(agent_key)
        der = agent_key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        secret = {"pem": pem.strip(), "pem-newline": pem, "der": der, "jwk": json.dumps(public).encode()}[name[6:]]
        return _hmac(secret, {**header, "alg": "HS256"}, payload)
    if name == "no-signature":
        return f"{b64(json.dumps(header).encode())}.{body}."
    thief = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(THIEF.public_key()))
    extra: dict[str, Any] = {
        "thief-jwk": {"jwk": thief}, "thief-jku": {"jku": "https://localhost/evil.json"}, "thief-x5c": {"x5c": ["AAAA"]},
        "es384": {"alg": "ES384"},
    }.get(name, {})
    if name == "crit":
        return sign_raw(agent_key, {**header, "crit": ["b64"], "b64": True}, payload)
    if name == "b64-false":
        return sign_raw(agent_key, {**header, "crit": ["b64"], "b64": False}, payload)
    return sign_raw(THIEF, {**header, **extra}, payload)


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_assertion(zone: Zone, name: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    forged = forge(name, agent.key, agent.public, agent.claims(), "client-authentication+jwt")
    zone.canaries.add(forged)
    watch.check(agent.itself(assertion=forged), "invalid_client", 401)
    granted(agent.itself())


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' or 1=1 --", "a\0b", "*", "k" * 70000, "product-analytics-1"])
def test_kid_is_a_name_and_nothing_else(zone: Zone, kid: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    answer = agent.itself(assertion=sign_raw(THIEF, {"alg": "ES256", "kid": kid}, agent.claims()))
    if answer.status_code != 401:  # larger than any body that is read
        assert answer.status_code in (400, 413), answer.text
    else:
        watch.check(answer, "invalid_client", 401)
    granted(agent.itself())


@pytest.mark.parametrize("name", ["other-secret", "empty", "prefix", "longer", "case", "unknown-client", "disabled", "key-client", "public-client"])
@pytest.mark.parametrize("way", ["basic", "post"])
def test_wrong_secret(zone: Zone, name: str, way: str) -> None:
    good = zone.secrets["nightly"]
    client, secret = {
        "other-secret": ("nightly", zone.secrets["other"]), "empty": ("nightly", ""), "prefix": ("nightly", good[:-1]),
        "longer": ("nightly", good + "A"), "case": ("nightly", good.swapcase()), "unknown-client": ("nobody", good),
        "disabled": ("off", zone.secrets["off"]), "key-client": ("churn", good), "public-client": ("web", good),
    }[name]
    def ask(client: str, secret: str) -> Any:
        form: dict[str, str] = {"grant_type": "client_credentials"}
        if way == "post":
            return zone.http.post(zone.issuer + "/token", data={**form, "client_id": client, "client_secret": secret})
        return zone.http.post(zone.issuer + "/token", data=form, auth=(client, secret))
    watch, answer = Watch(zone), ask(client, secret)
    if way == "post" and name == "empty":  # an empty secret is none at all
        assert answer.status_code == 401 and answer.json()["error"] == "invalid_client", answer.text
    else:
        body = watch.check(answer, "invalid_client", 401)
        assert body["error_description"].startswith("client authentication failed"), "which half was wrong is nobody's business"
    assert "www-authenticate" in answer.headers
    granted(ask("nightly", good))


@pytest.mark.parametrize("header", ["Basic", "Basic !!!!", "Basic " + base64.b64encode(b"nocolon").decode(), "Basic " + "A" * 6000,
                                    "Basic " + base64.b64encode(b"%zz:%zz").decode(), "Basic " + base64.b64encode(b"\xff:\xff").decode()])
def test_undecodable_basic_is_invalid_client(zone: Zone, header: str) -> None:
    watch = Watch(zone)
    answer = zone.http.post(zone.issuer + "/token", data={"grant_type": "client_credentials"}, headers={"Authorization": header})
    watch.check(answer, "invalid_client", 401)
    granted(zone.http.post(zone.issuer + "/token", data={"grant_type": "client_credentials"}, auth=("nightly", zone.secrets["nightly"])))


def test_no_authentication_is_invalid_client(zone: Zone) -> None:
    watch = Watch(zone)
    watch.check(zone.http.post(zone.issuer + "/token", data={"grant_type": "client_credentials"}), "invalid_client", 401)


@pytest.mark.parametrize("extra", ["secret", "basic", "none-with-id"])
def test_key_client_does_not_fall_back(zone: Zone, extra: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    form: dict[str, Any] = {"grant_type": "client_credentials", "client_id": "churn"}
    if extra == "secret":
        form |= {"client_secret": zone.secrets["nightly"], **agent.proof(forge("none", agent.key, agent.public, agent.claims(), "JWT"))}
    auth = ("churn", "x") if extra == "basic" else None
    watch.check(zone.http.post(zone.issuer + "/token", data=form, auth=auth), "invalid_client", 401)
    granted(agent.itself(client_id="churn"))


def test_two_kinds_of_authentication_are_none(zone: Zone) -> None:
    watch, agent = Watch(zone), zone.agent("churn")
    form = {"grant_type": "client_credentials", **agent.proof()}
    answer = zone.http.post(zone.issuer + "/token", data=form, auth=("nightly", zone.secrets["nightly"]))
    watch.check(answer, "invalid_client", 401)


def test_assertion_of_another_client_id(zone: Zone) -> None:
    watch, agent = Watch(zone), zone.agent("churn")
    watch.check(agent.itself(client_id="product-analytics"), "invalid_client", 401)
    granted(agent.itself(client_id="churn"))


@pytest.mark.parametrize("kind", ["", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer "])
def test_assertion_type_is_exact(zone: Zone, kind: str) -> None:
    watch, agent = Watch(zone), zone.agent("churn")
    form = {"grant_type": "client_credentials", "client_assertion": agent.assertion(), "client_assertion_type": kind}
    watch.check(zone.http.post(zone.issuer + "/token", data=form), "invalid_client", 401)


@pytest.mark.parametrize("grant", ["client_credentials", EXCHANGE])
@pytest.mark.parametrize("client", ["web", "cowork"])
def test_public_client_may_not(zone: Zone, entry: str, grant: str, client: str) -> None:
    watch = Watch(zone)
    form = {"grant_type": grant, "client_id": zone.documents.cowork if client == "cowork" else "web"}
    if grant == EXCHANGE:
        form |= {"subject_token": entry, "subject_token_type": ACCESS_TOKEN, "resource": ANALYTICS}
    watch.check(zone.http.post(zone.issuer + "/token", data=form), "unauthorized_client")
    granted(zone.agent("churn").exchange(entry, ANALYTICS))


@pytest.mark.parametrize("grant", ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "CLIENT_CREDENTIALS", " client_credentials"])
def test_unknown_grant(zone: Zone, grant: str) -> None:
    watch = Watch(zone)
    watch.check(zone.agent("churn").token(grant_type=grant), "unsupported_grant_type")


def test_nobody_has_standing_access(zone: Zone) -> None:
    watch = Watch(zone)
    body = watch.check(zone.agent("churn").itself(resource=ANALYTICS), "access_denied", event=True)
    assert "analytics" in body["error_description"]
    answer = zone.http.post(zone.issuer + "/token", data={"grant_type": "client_credentials", "resource": ANALYTICS}, auth=("nightly", zone.secrets["nightly"]))
    assert "act" not in claims_of(granted(answer)["access_token"]), "the twin: direct is declared"


# --- B: forged subject tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_subject_token(zone: Zone, entry: str, name: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    keys = zone.http.get(zone.issuer + "/jwks").json()["keys"]
    public = next(key for key in keys if key["kid"] == header_of(entry)["kid"])
    zone_key = jwt.algorithms.ECAlgorithm.from_jwk(json.dumps(public))
    signing = zone_key if name.startswith("hs256") else agent.key
    forged = forge_subject(name, signing, public, claims_of(entry))
    refused_subject(watch, agent.exchange(forged, ANALYTICS))
    assert not agent.active(forged)
    granted(agent.exchange(entry, ANALYTICS))


def forge_subject(name: str, key: Any, public: dict[str, Any], payload: dict[str, Any]) -> str:
    if not name.startswith("hs256"):
        return forge(name, key, public, payload, "at+jwt")
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    secret = {"pem": pem.strip(), "pem-newline": pem, "der": der, "jwk": json.dumps(public).encode()}[name[6:]]
    return _hmac(secret, {"alg": "HS256", "typ": "at+jwt", "kid": public["kid"]}, payload)


def refused_subject(watch: Watch, answer: Any) -> None:
    assert answer.json().get("error") in ("invalid_request", "invalid_grant"), answer.text
    watch.check(answer, answer.json()["error"], event=True)


def _last_bits(token: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


MANGLED = {
    "space-before": lambda t: " " + t, "space-after": lambda t: t + " ", "newline": lambda t: t + "\n", "padding": lambda t: t + "==",
    "other-alphabet": lambda t: t.replace("-", "+").replace("_", "/"), "last-bits": _last_bits, "cut-1": lambda t: t[:-1], "cut-20": lambda t: t[:-20],
    "longer": lambda t: t + "A", "dot-after": lambda t: t + ".", "two-parts": lambda t: t.rsplit(".", 1)[0], "upper": str.upper, "jti-only": lambda t: claims_of(t)["jti"],
    "dots": lambda t: "." * 20000, "one-dot": lambda t: ".", "no-payload": lambda t: t.split(".")[0] + ".." + t.split(".")[2], "nul": lambda t: t + "\0",
    "bearer": lambda t: "Bearer " + t, "json": lambda t: json.dumps({"payload": t.split(".")[1], "signatures": [{"protected": t.split(".")[0], "signature": t.split(".")[2]}] * 2}),
    "flipped": lambda t: t[:-10] + ("A" if t[-10] != "A" else "B") + t[-9:], "emoji": lambda t: "☃" * 50, "percent": lambda t: t.replace(".", "%2e"),
}


@pytest.mark.parametrize("name", MANGLED)
def test_mangled_subject_token(zone: Zone, entry: str, name: str) -> None:
    agent, watch, mangled = zone.agent("churn"), Watch(zone), MANGLED[name](entry)
    if mangled == entry:
        pytest.skip("this token has no such character")
    answer = agent.exchange(mangled, ANALYTICS)
    if name == "nul":  # no form has that
        watch.check(answer, "invalid_request")
    else:
        refused_subject(watch, answer)
        assert not agent.active(mangled)
    granted(agent.exchange(entry, ANALYTICS))


def test_assertion_is_no_access_token(zone: Zone) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    refused_subject(watch, agent.exchange(agent.assertion(), ANALYTICS))


def test_access_token_is_no_assertion(zone: Zone, entry: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    zone.canaries.add(entry)
    watch.check(agent.itself(assertion=entry), "invalid_client", 401)


def test_refresh_token_is_no_subject(zone: Zone) -> None:
    refresh, agent = zone.entry()["refresh_token"], zone.agent("churn")
    watch = Watch(zone)
    refused_subject(watch, agent.exchange(refresh, ANALYTICS))


def test_audience_is_one_string(zone: Zone, entry: str, second: str) -> None:
    for token, audience in ((entry, CHURN), (second, ANALYTICS)):
        assert claims_of(token)["aud"] == audience
        assert header_of(token)["typ"] == "at+jwt"


def test_act_is_nested_by_the_server(zone: Zone, second: str) -> None:
    assert claims_of(second)["act"] == {"sub": "churn", "act": {"sub": "cowork"}}
    assert claims_of(second)["sub"] == "sara" and claims_of(second)["client_id"] == "churn"


# --- C: exchange -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["query export", "export", "QUERY", "query *", "*", "query analytics/query", "query query2", "query\texport", "openid admin", "query run"])
def test_scope_beyond_the_edge(zone: Zone, entry: str, scope: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    watch.check(agent.exchange(entry, ANALYTICS, scope=scope), "invalid_scope", event=True)
    assert granted(agent.exchange(entry, ANALYTICS, scope="query"))["scope"] == "query"


@pytest.mark.parametrize("scope", ["", "  ", " query ", "query query", "query openid offline_access", "offline_access"])
def test_scope_as_stock_clients_write_it(zone: Zone, entry: str, scope: str) -> None:
    assert granted(zone.agent("churn").exchange(entry, ANALYTICS, scope=scope))["scope"] == "query"


def test_own_resource_cannot_grow(zone: Zone, entry: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    watch.check(agent.exchange(entry, CHURN, scope="run more"), "invalid_scope", event=True)
    assert granted(agent.exchange(entry, CHURN, scope="run"))["scope"] == "run"


@pytest.mark.parametrize("target", ["https://unknown.example", "analytics", ANALYTICS + "/", ANALYTICS + "?x=1", ANALYTICS + "#f", ANALYTICS.upper(), "http://localhost:8002",
                                    "http://localhost:8002/mcp/../mcp", "http://localhost:8002@evil.example/mcp", "https://closed.example/api", "", "file:///etc/passwd"])
def test_unknown_target(zone: Zone, entry: str, target: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    for name in ("resource", "audience"):
        watch.check(agent.exchange(entry, None, **{name: target}), "invalid_target", event=True)
    granted(agent.exchange(entry, None, audience=ANALYTICS))


def test_no_target_and_two_targets(zone: Zone, entry: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    watch.check(agent.exchange(entry), "invalid_target", event=True)
    watch.check(agent.exchange(entry, [ANALYTICS, HEALTH]), "invalid_target", event=True)
    watch.check(agent.exchange(entry, ANALYTICS, audience=HEALTH), "invalid_target", event=True)
    granted(agent.exchange(entry, [ANALYTICS, ANALYTICS], audience=ANALYTICS))


@pytest.mark.parametrize("change", [{"subject_token": None}, {"subject_token": ""}, {"subject_token": "   "}, {"subject_token_type": None}, {"subject_token_type": ""},
                                    {"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
                                    {"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, {"subject_token_type": "access_token"},
                                    {"actor_token": "x"}, {"actor_token_type": ACCESS_TOKEN}, {"actor_token": "x", "actor_token_type": "x"},
                                    {"requested_token_type": "urn:ietf:params:oauth:token-type:id_token"}, {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
                                    {"requested_token_type": "x"}], ids=lambda c: "-".join(f"{k}={v}" for k, v in c.items()).replace("urn:ietf:params:oauth:token-type:", ""))
def test_exchange_never_degrades(zone: Zone, entry: str, change: dict[str, Any]) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    form = {"grant_type": EXCHANGE, "subject_token": entry, "subject_token_type": ACCESS_TOKEN, "resource": ANALYTICS, **change}
    watch.check(agent.token(**{name: value for name, value in form.items() if value is not None}), "invalid_request", event=True)
    granted(agent.exchange(entry, ANALYTICS, requested_token_type=ACCESS_TOKEN))


def test_stolen_from_another_hop(zone: Zone, entry: str, second: str) -> None:
    watch = Watch(zone)
    body = watch.check(zone.agent("customer-health").exchange(second, SNOWFLAKE), "invalid_grant", event=True)
    assert "analytics" in body["error_description"]
    watch.check(zone.agent("product-analytics").exchange(entry, SNOWFLAKE), "invalid_grant", event=True)
    watch.check(zone.agent("churn").exchange(second, HEALTH), "invalid_grant", event=True)
    granted(zone.agent("product-analytics").exchange(second, SNOWFLAKE))


def test_foreign_actor(zone: Zone, entry: str, second: str) -> None:
    agent, watch = zone.agent("churn"), Watch(zone)
    foreign = granted(zone.agent("product-analytics").exchange(second, ANALYTICS))["access_token"]
    watch = Watch(zone)
    for actor in (second, foreign, entry, "garbage", agent.assertion()):
        watch.check(agent.exchange(entry, ANALYTICS, actor_token=actor, actor_token_type=ACCESS_TOKEN), "invalid_request", event=True)
    own = granted(agent.itself())["access_token"]
    watch = Watch(zone)
    token = granted(agent.exchange(entry, ANALYTICS, actor_token=own, actor_token_type=ACCESS_TOKEN))
    assert claims_of(token["access_token"])["act"] == {"sub": "churn", "act": {"sub": "cowork"}}


def test_loop(zone: Zone, second: str) -> None:
    back = granted(zone.agent("product-analytics").exchange(second, ANALYTICS))
    watch = Watch(zone)
    answer = zone.agent("product-analytics").exchange(second, CHURN)
    if answer.status_code == 200:  # the hop to churn is declared; churn may not go on from there
        body = answer.json()
        watch = Watch(zone)
        watch.check(zone.agent("churn").exchange(body["access_token"], HEALTH), "invalid_grant", event=True)
    else:
        watch.check(answer, answer.json()["error"], event=True)
    assert back["scope"] == "query"


def test_cross_lane_is_refused_by_name(zone: Zone, entry: str) -> None:
    health = granted(zone.agent("churn").exchange(entry, HEALTH))["access_token"]
    watch = Watch(zone)
    body = watch.check(zone.agent("customer-health").exchange(health, SNOWFLAKE), "access_denied", event=True)
    assert body["policy"]["id"] == "snowflake-never-to-customer-health" and body["policy"]["file"] == "lanes.cedar" and body["policy"]["line"] > 1
    event = next(e for e in zone.events(watch.mark) if e["id"] == body["decision_id"])
    assert event["chain"] == ["cowork", "churn", "customer-health"] and event["user"] == "sara" and event["resource"] == "snowflake"


def test_the_detour_is_refused_too(zone: Zone, entry: str, second: str) -> None:
    granted(zone.agent("product-analytics").exchange(second, SNOWFLAKE))
    health = granted(zone.agent("churn").exchange(entry, HEALTH))["access_token"]
    detour = granted(zone.agent("customer-health").exchange(health, ANALYTICS))["access_token"]
    watch = Watch(zone)
    body = watch.check(zone.agent("product-analytics").exchange(detour, SNOWFLAKE), "access_denied", event=True)
    assert body["policy"]["id"] == "snowflake-never-to-customer-health"
    granted(zone.agent("product-analytics").exchange(second, SNOWFLAKE))


def test_delete_is_refused_in_the_whole_chain(zone: Zone, entry: str) -> None:
    watch = Watch(zone)
    for scope in ("purge", "query purge"):
        body = watch.check(zone.agent("churn").exchange(entry, ANALYTICS, scope=scope), "access_denied", event=True)
        assert body["policy"]["id"] == "no-delete-in-any-chain"


def test_a_child_never_outlives_its_parent(zone: Zone, entry: str, second: str) -> None:
    third = granted(zone.agent("product-analytics").exchange(second, SNOWFLAKE))
    assert claims_of(third["access_token"])["exp"] <= claims_of(second)["exp"] <= claims_of(entry)["exp"]
    own = granted(zone.agent("churn").exchange(entry, CHURN))
    assert claims_of(own["access_token"])["exp"] <= claims_of(entry)["exp"]


def test_federated_token_ends_the_chain(zone: Zone, second: str) -> None:
    federated = granted(zone.agent("product-analytics").exchange(second, SNOWFLAKE))["access_token"]
    assert header_of(federated)["alg"] == "RS256" and header_of(federated)["typ"] != "at+jwt"
    watch = Watch(zone)
    refused_subject(watch, zone.agent("product-analytics").exchange(federated, SNOWFLAKE))


def test_closed_session_is_dead_everywhere(zone: Zone) -> None:
    whole = zone.client(redirect="http://localhost:7777/callback").sign_in(zone.new_browser("tom"))
    entry, agent = whole["access_token"], zone.agent("churn")
    second = granted(agent.exchange(entry, ANALYTICS))["access_token"]
    assert agent.active(entry) and zone.agent("product-analytics").active(second)
    answer = zone.socket.patch(f"/zones/dev/sessions/{whole['session']}", json={"status": "revoked"})
    assert answer.status_code == 200, answer.text
    watch = Watch(zone)
    watch.check(agent.exchange(entry, ANALYTICS), "invalid_grant", event=True)
    watch.check(zone.agent("product-analytics").exchange(second, SNOWFLAKE), "invalid_grant", event=True)
    watch.check(zone.client().refresh(whole["refresh_token"]), "invalid_grant")
    assert not agent.active(entry) and not zone.agent("product-analytics").active(second)


def test_no_exchange_after_the_close_is_acknowledged(zone: Zone) -> None:
    from concurrent.futures import ThreadPoolExecutor

    whole = zone.client().sign_in(zone.new_browser("tom"))
    agent, closed = zone.agent("churn"), [float("inf")]
    proofs = [agent.assertion() for _ in range(80)]

    def one(proof: str) -> tuple[float, int]:
        began = time.monotonic()
        return began, agent.exchange(whole["access_token"], ANALYTICS, assertion=proof).status_code

    def close() -> None:
        zone.socket.patch(f"/zones/dev/sessions/{whole['session']}", json={"status": "revoked"}).raise_for_status()
        closed[0] = time.monotonic()

    def exchange(item: tuple[int, str]) -> tuple[float, int]:
        if item[0] == 20:
            close()
        return one(item[1])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(exchange, enumerate(proofs)))
    late = [status for began, status in answers if began > closed[0]]
    assert late and set(late) == {400}
    assert any(status == 200 for _, status in answers)


def test_user_and_agent_names_inject_nothing(zone: Zone) -> None:
    """Names out of a request never become policy or a cache key (G02)."""
    for name in ('churn" || true', "Application::\"churn\"", "churn\n", "ｃhurn", "churn\u200b"):
        watch = Watch(zone)
        answer = zone.http.post(zone.issuer + "/token", data={"grant_type": "client_credentials", "client_id": name, "client_secret": "x" * 30})
        watch.check(answer, "invalid_client", 401)
    granted(zone.agent("churn").itself())
