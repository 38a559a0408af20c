from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from carnet import Feed, TokenRefused, Verifier, Zone, ZoneUnreachable
from carnet.errors import ConfigurationError
from carnet.zone import check_issuer

from .helpers import until
from .peer import Peer


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_each_algorithm_verifies(peer: Peer, verifier: Verifier, audience: str, algorithm: str) -> None:
    token = peer.token(audience, kid=peer.add_key(algorithm))
    assert verifier.verify(token).claims["sub"] == "sara"
    assert (await verifier.verify_async(token)).scopes == {"run"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"aud": "http://localhost:8002/mcp"}, "another resource"),
        ({"aud": ["http://localhost:8001/mcp"]}, "another resource"),
        ({"aud": "http://localhost:8001/mcp/"}, "another resource"),
        ({"aud": None}, "another resource"),
        ({"iss": "http://elsewhere/z/dev"}, "someone else"),
        ({"exp": int(time.time()) - 1}, "expired"),
        ({"exp": None}, "exp is missing"),
        ({"exp": 9e9}, "exp is missing"),
        ({"iat": int(time.time()) + 3600}, "not valid yet"),
        ({"nbf": int(time.time()) + 3600}, "not valid yet"),
        ({"sid": None}, "sid is missing"),
        ({"jti": None}, "jti is missing"),
        ({"client_id": ""}, "client_id is missing"),
        ({"sub": 7}, "sub is missing"),
    ],
)
def test_wrong_claims(peer: Peer, verifier: Verifier, audience: str, change: dict[str, Any], said: str) -> None:
    assert verifier.verify(peer.token(audience))
    with pytest.raises(TokenRefused, match=said):
        verifier.verify(peer.token(audience, **change))


@pytest.mark.parametrize(
    "header",
    [{"typ": "JWT"}, {"typ": None}, {"kid": None}, {"jku": "https://x/"}, {"jwk": {}}, {"x5u": "https://x/"}],
)
def test_wrong_headers(peer: Peer, verifier: Verifier, audience: str, header: dict[str, Any]) -> None:
    kid = next(iter(peer.keys))
    with pytest.raises(TokenRefused):
        verifier.verify(peer.token(audience, kid=kid, header=header))


def _with_header(token: str, **header: Any) -> str:
    _, rest = token.split(".", 1)
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return f"{head}.{rest}"


def test_algorithm_games(peer: Peer, verifier: Verifier, audience: str) -> None:
    token = peer.token(audience)
    kid = next(iter(peer.keys))
    for header in (
        {"alg": "none", "typ": "at+jwt", "kid": kid},
        {"alg": "HS256", "typ": "at+jwt", "kid": kid},
        {"alg": "RS256", "typ": "at+jwt", "kid": kid},
        {"alg": "ES256", "typ": "at+jwt", "kid": "nobody"},
    ):
        with pytest.raises(TokenRefused):
            verifier.verify(_with_header(token, **header))
    for broken in ("", "a.b", token[:-4] + "AAAA", token + "=", "x" * 20000, "é.é.é"):
        with pytest.raises(TokenRefused):
            verifier.verify(broken)


def test_key_set_is_replaced_and_refetched_rarely(peer: Peer, audience: str, verifier: Verifier) -> None:
    now = [0.0]
    zone = Zone(peer.issuer, clock=lambda: now[0])
    assert zone.key(next(iter(peer.keys))) is not None
    old = peer.keys.copy()
    peer.keys.clear()
    kid = peer.add_key("EdDSA")
    assert zone.key(kid) is not None  # signs already, though the set was read just now
    assert zone.key(next(iter(old))) is None  # no longer published, no longer believed
    for _ in range(5):
        assert zone.key("unknown") is None
    assert len(peer.calls("jwks")) == 3
    now[0] = 11.0
    assert zone.key("unknown") is None
    assert len(peer.calls("jwks")) == 4
    peer.down = True
    now[0] = 700.0
    assert zone.key(kid) is not None  # a short outage is survived
    now[0] = 4000.0
    with pytest.raises(ZoneUnreachable):
        zone.key(kid)


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://127.0.0.1/other"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://169.254.169.254/keys"},
        {"token_endpoint": "javascript:alert(1)"},
        {"introspection_endpoint": None},
    ],
)
def test_metadata_must_stay_home(peer: Peer, change: dict[str, Any]) -> None:
    assert Zone(peer.issuer).metadata().issuer == peer.issuer
    peer.metadata_changes = change
    with pytest.raises(ZoneUnreachable):
        Zone(peer.issuer).metadata()


def test_issuers() -> None:
    for good in ("https://zone.example/z/dev", "http://localhost:8080/z/dev", "http://127.0.0.1:1/z/a"):
        assert check_issuer(good) == good
    for bad in ("http://zone.example/", "ftp://x", "localhost", "https://u@x/", "https://x/?q", "https://x/#f"):
        with pytest.raises(ConfigurationError):
            check_issuer(bad)


def test_cut_tokens_are_refused_at_once(peer: Peer, verifier: Verifier, feed: Feed, audience: str) -> None:
    assert feed.wait_ready(5)
    tokens = {
        "session": peer.token(audience, sid="s_a", anc=["a_9", "s_a"]),
        "authorization": peer.token(audience, sid="s_b", anc=["a_b", "s_b"]),
        "hop": peer.token(audience, sid="s_c", anc=["h_c"]),
    }
    survivor = peer.token(audience, sid="s_z", anc=["a_z", "h_z"])
    for token in (*tokens.values(), survivor):
        verifier.verify(token)
    before = len(peer.calls("introspect"))
    for kind, identity in (("session", "s_a"), ("authorization", "a_b"), ("hop", "h_c")):
        peer.cut(kind, identity)
    until(lambda: len(feed.cuts) == 3)
    for token in tokens.values():
        with pytest.raises(TokenRefused, match="closed"):
            verifier.verify(token)
    verifier.verify(survivor)
    assert len(peer.calls("introspect")) == before  # the feed is heard: nobody is asked


def test_cut_of_a_party_kills_what_began_before(peer: Peer, verifier: Verifier, feed: Feed, audience: str) -> None:
    assert feed.wait_ready(5)
    now = int(time.time())
    old = peer.token(audience, iat=now - 10, act={"sub": "churn", "act": {"sub": "cowork"}})
    verifier.verify(old)
    peer.cut("application", "cowork", at=now - 5)
    until(lambda: len(feed.cuts) == 1)
    with pytest.raises(TokenRefused):
        verifier.verify(old)
    verifier.verify(peer.token(audience, iat=now - 4, act={"sub": "cowork"}))
    peer.cut("resource", audience, at=now)
    until(lambda: len(feed.cuts) == 2)
    with pytest.raises(TokenRefused):
        verifier.verify(peer.token(audience, iat=now))


async def test_silence_means_asking_and_no_answer_means_no(
    peer: Peer, verifier: Verifier, feed: Feed, audience: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert feed.wait_ready(5)
    token = peer.token(audience)
    await verifier.verify_async(token)
    assert not peer.calls("introspect")
    peer.silent = True
    until(lambda: not feed.current)
    await verifier.verify_async(token)
    assert peer.calls("introspect")[0]["client_id"] == "churn"
    peer.inactive.add(token)
    with pytest.raises(TokenRefused, match="not active"):
        await verifier.verify_async(token)
    peer.inactive.clear()
    peer.introspect_delay = 3.0
    began = time.monotonic()
    with pytest.raises(ZoneUnreachable):
        await verifier.verify_async(token)
    assert time.monotonic() - began < 2.5
    peer.silent, peer.introspect_delay = False, 0.0
    until(lambda: feed.current)
    await verifier.verify_async(token)


def _reconnects(peer: Peer) -> None:
    """The feed's connection ends, and the next one without a word as well."""
    before = len(peer.calls("revocations"))
    peer.silent = True
    until(lambda: len(peer.calls("revocations")) > before)


def test_reconnects_where_it_was_and_starts_anew_after_410(peer: Peer, feed: Feed, verifier: Verifier) -> None:
    peer.cut("session", "s_1")
    assert feed.wait_ready(5)
    _reconnects(peer)
    peer.cut("session", "s_2")
    peer.silent = False
    until(lambda: len(feed.cuts) == 2)
    assert peer.calls("revocations")[-1]["after"] == "1"
    _reconnects(peer)
    peer.cut("session", "s_3")
    peer.kept_from = 3
    peer.cut("session", "s_4")
    peer.silent = False
    until(lambda: len(feed.cuts) == 3)
    assert "after" not in peer.calls("revocations")[-1]


def test_tokens_older_than_the_backlog_are_asked_about(
    peer: Peer, verifier: Verifier, feed: Feed, audience: str
) -> None:
    assert feed.wait_ready(5)
    verifier.verify(peer.token(audience, iat=int(time.time()) - 7200))
    assert len(peer.calls("introspect")) == 1
