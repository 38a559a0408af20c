"""Documents of strangers: which addresses are asked, and what their answers may do (attacks F)."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import pytest
from documents import Documents
from expect import Watch
from parties import Client
from zone import Zone

GOOD = "http://127.0.0.1:7777/callback"


def refused(zone: Zone, client_id: str) -> Any:
    """The authorization endpoint answers with a page and no redirect; the token endpoint with invalid_client."""
    mark, began = zone.newest(), time.monotonic()
    page = Client(zone, client_id, GOOD).look()
    assert page.status_code in (400, 401) and "location" not in page.headers, f"{page.status_code} {page.headers}"
    watch = Watch(zone)
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": client_id}
    watch.check(zone.http.post(zone.issuer + "/token", data=form), "invalid_client", 401)
    assert not [e for e in zone.events(mark) if e["outcome"] == "allowed"]
    assert time.monotonic() - began < 12
    return page


ADDRESSES = [
    "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "[fc00::1]", "[fd12::1]", "[fe80::1]", "[fec0::1]", "[::ffff:10.0.0.1]", "[64:ff9b::10.0.0.1]", "[2002:a00:1::1]", "[::]", "[ff02::1]", "[2001:db8::1]", "0x0a000001", "167772161", "10.1", "012.0.0.1",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_address_that_is_not_public(zone: Zone, address: str) -> None:
    began = time.monotonic()
    refused(zone, f"https://{address}/client.json")
    assert time.monotonic() - began < 4, "it was dialled"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.2", "localhost.localdomain", "2130706433", "0x7f.1", "127.1"])
def test_loopback_without_leave(documents: Documents, strict: Zone, host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.1)
        refused(strict, f"https://{host}:{trap.getsockname()[1]}/client.json")
        with pytest.raises(TimeoutError):
            trap.accept()


@pytest.fixture(scope="module")
def strict(documents: Documents):
    """A zone that fetches nothing from loopback, where cowork therefore is a stranger without a document."""
    with Zone(documents, loopback=False, dcr=False) as one:
        yield one


def test_registration_can_be_off(strict: Zone, zone: Zone) -> None:
    body = {"redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none"}
    assert strict.http.post(strict.issuer + "/register", json=body).status_code == 404
    assert "registration_endpoint" not in strict.http.get(strict.issuer + "/.well-known/openid-configuration").json()
    assert zone.http.post(zone.issuer + "/register", json=body).status_code == 201


URLS = [
    "https://user@localhost:PORT/good.json", "https://user:pw@localhost:PORT/good.json", "https://localhost:PORT/", "https://localhost:PORT", "https://localhost:PORT/a/../good.json", "https://localhost:PORT/./good.json",
    "https://localhost:PORT/%2e%2e/good.json", "https://localhost:PORT/good.json#x", "https://localhost:PORT\\good.json", "https://localhost.:PORT/good.json", "https://LOCALHOST:PORT/good.json", "http://localhost:PORT/good.json",
    "https://localhost:22/good.json", "https://localhost:PORT/good.json%00", "https://localhost:PORT/go\tod.json", "https://localhost:PORT/good.json\n", "https://[::1%25lo]:PORT/good.json", "https://lоcalhost:PORT/good.json",
    "ftp://localhost:PORT/good.json", "file:///etc/passwd", "https:///good.json", "https:localhost:PORT/good.json", "https://localhost:0/good.json", "https://localhost:99999/good.json",
]


@pytest.mark.parametrize("url", URLS)
def test_url_tricks(zone: Zone, url: str) -> None:
    zone.documents.put("/good.json")
    before = dict(zone.documents.asked)
    refused(zone, url.replace("PORT", str(zone.documents.port)))
    assert {k: v for k, v in zone.documents.asked.items() if k != "/good.json"} == {k: v for k, v in before.items() if k != "/good.json"}
    assert Client(zone, zone.documents.url("/good.json"), GOOD).look().status_code == 200, "the twin"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_error(zone: Zone, status: int) -> None:
    target = zone.documents.put(f"/target-{status}.json")
    url = zone.documents.put_raw(f"/moved-{status}.json", b"", status, Location=target)
    refused(zone, url)
    assert not zone.documents.asked.get(f"/target-{status}.json")


CHANGES: dict[str, dict[str, Any]] = {
    "secret": {"client_secret": "s" * 32}, "secret-expires": {"client_secret_expires_at": 0}, "secret-basic": {"token_endpoint_auth_method": "client_secret_basic"},
    "secret-post": {"token_endpoint_auth_method": "client_secret_post"}, "secret-jwt": {"token_endpoint_auth_method": "client_secret_jwt"}, "method-number": {"token_endpoint_auth_method": 1},
    "other-id": {"client_id": "https://localhost/other.json"}, "no-redirects": {"redirect_uris": []}, "redirects-text": {"redirect_uris": "http://127.0.0.1/callback"}, "redirects-number": {"redirect_uris": [1]},
    "redirect-javascript": {"redirect_uris": ["javascript:alert(1)"]}, "redirect-http": {"redirect_uris": ["http://evil.example/cb"]}, "redirect-fragment": {"redirect_uris": ["https://a.example/cb#x"]},
    "redirect-code": {"redirect_uris": ["https://a.example/cb?code=1"]}, "redirect-many": {"redirect_uris": [f"https://a.example/{i}" for i in range(500)]}, "grants": {"grant_types": ["client_credentials"]},
    "responses": {"response_types": ["token"]}, "key-without-keys": {"token_endpoint_auth_method": "private_key_jwt"}, "private-key": {"jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "c"}]}},
    "symmetric-key": {"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}}, "jwks-http": {"jwks_uri": "http://evil.example/jwks"}, "jwks-both": {"jwks": {"keys": []}, "jwks_uri": "https://a.example/jwks"}, "long-name": {"client_name": "n" * 5000},
}


@pytest.mark.parametrize("name", CHANGES)
def test_document_that_may_not_be(zone: Zone, name: str) -> None:
    path = f"/bad-{name}.json"
    url = zone.documents.put(path, **CHANGES[name])
    page = refused(zone, url)
    assert "s" * 32 not in page.text
    asked = zone.documents.asked[path]
    assert asked, "it was looked at"
    zone.documents.put(path)
    assert Client(zone, url, GOOD).look().status_code == 200, "the twin; and an error is kept by no cache (F12)"


RAW: dict[str, tuple[bytes, int, dict[str, str]]] = {
    "empty": (b"", 200, {}), "text": (b"hello", 200, {}), "array": (b"[]", 200, {}), "null": (b"null", 200, {}), "cut": (b'{"client_id": "https', 200, {}), "duplicate": (b'{"client_id":"x","client_id":"SELF","redirect_uris":["http://127.0.0.1/callback"]}', 200, {}),
    "bom": (b"\xef\xbb\xbf{}", 200, {}), "nul": (b'{"client_id":"a\x00b"}', 200, {}), "deep": (b"[" * 60000, 200, {}), "big": (b'{"a":"' + b"x" * 300000 + b'"}', 200, {}), "html": (b"{}", 200, {"Content_Type": "text/html"}),
    "not-found": (b"{}", 404, {}), "error": (b"{}", 500, {}), "created": (b"{}", 201, {}), "gzip": (b"\x1f\x8b\x08\x00", 200, {"Content_Encoding": "gzip"}), "latin": (b'{"client_name":"\xe9"}', 200, {}),
}


@pytest.mark.parametrize("name", RAW)
def test_answer_that_is_no_document(zone: Zone, name: str) -> None:
    body, status, headers = RAW[name]
    path = f"/raw-{name}.json"
    url = zone.documents.put_raw(path, body.replace(b"SELF", zone.documents.url(path).encode()), status, **headers)
    refused(zone, url)
    zone.documents.put(path)
    assert Client(zone, url, GOOD).look().status_code == 200, "the twin"


def test_slow_document_holds_nobody_up(zone: Zone) -> None:
    url = zone.documents.put("/slow.json")
    zone.documents.delay["/slow.json"] = 7
    done: list[Any] = []
    waiting = threading.Thread(target=lambda: done.append(Client(zone, url, GOOD).look()))
    waiting.start()
    time.sleep(0.1)
    began = time.monotonic()
    for _ in range(20):
        zone.agent("churn").itself()
    assert time.monotonic() - began < 3
    waiting.join(15)
    assert done and done[0].status_code in (400, 401) and "location" not in done[0].headers


def test_untrusted_certificate(zone: Zone, tmp_path_factory: pytest.TempPathFactory) -> None:
    stranger = Documents(tmp_path_factory.mktemp("stranger"))
    stranger.start()
    try:
        refused(zone, stranger.put("/client.json"))
        assert not stranger.asked
    finally:
        stranger.stop()


def test_cache_age_is_bounded_and_keyed_by_the_whole_url(zone: Zone) -> None:
    one = zone.documents.put("/cached.json?x=1", client_name="First")
    zone.documents.put("/cached.json?x=2", client_name="Second")
    for _ in range(3):
        assert Client(zone, one, GOOD).look().status_code == 200
    assert zone.documents.asked["/cached.json?x=1"] == 1
    assert Client(zone, zone.documents.url("/cached.json?x=2"), GOOD).look().status_code == 200
    assert zone.documents.asked["/cached.json?x=2"] == 1


def test_keys_come_from_the_registered_address_only(zone: Zone) -> None:
    """F10: neither a header nor a parameter names where keys are."""
    agent, watch = zone.agent("churn"), Watch(zone)
    trap = zone.documents.put_raw("/trap.json", json.dumps({"keys": [zone.agent("product-analytics").public]}).encode())
    other = zone.agent("product-analytics").key
    answer = agent.token(assertion=agent.assertion(key=other, header={"jku": trap, "x5u": trap}), grant_type="client_credentials", jwks_uri=trap, client_id="churn")
    watch.check(answer, "invalid_client", 401)
    assert "/trap.json" not in zone.documents.asked


@pytest.mark.parametrize("change", [name for name in CHANGES if name not in ("other-id", "secret-expires")])
def test_registration_that_may_not_be(zone: Zone, change: str) -> None:
    body = {"client_name": "Dyn", "redirect_uris": ["http://127.0.0.1/callback"], "token_endpoint_auth_method": "none", **CHANGES[change]}
    watch = Watch(zone)
    answer = zone.http.post(zone.issuer + "/register", json=body)
    assert answer.json().get("error") in ("invalid_client_metadata", "invalid_redirect_uri"), answer.text
    watch.check(answer, answer.json()["error"])


def test_a_limit_on_registrations(zone: Zone) -> None:
    """Strangers can fill neither disk nor time: after 60 in a minute they wait."""
    body = {"redirect_uris": ["http://127.0.0.1/callback"], "token_endpoint_auth_method": "none"}
    answers = [zone.http.post(zone.issuer + "/register", json=body) for _ in range(62)]
    assert answers[-1].status_code == 429 and answers[-1].json()["error"] == "slow_down"
    assert int(answers[-1].headers["retry-after"]) > 0
