"""Who may administer, and what a bad zone file does: nothing (M01)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from expect import granted
from zone import ANALYTICS, LANES, Zone

ROUTES = [
    ("GET", "/zones"), ("GET", "/zones/dev"), ("POST", "/zones/dev/apply"), ("POST", "/zones/dev/policies/check"), ("GET", "/zones/dev/policies"), ("GET", "/zones/dev/applications"), ("GET", "/zones/dev/applications/churn"),
    ("GET", "/zones/dev/resources"), ("GET", "/zones/dev/providers"), ("GET", "/zones/dev/users"), ("POST", "/zones/dev/applications/churn/keys"), ("POST", "/zones/dev/applications/nightly/secret"), ("POST", "/zones/dev/users/sara/password"),
    ("GET", "/zones/dev/sessions"), ("PATCH", "/zones/dev/sessions/s_x"), ("POST", "/zones/dev/cuts"), ("GET", "/zones/dev/delegated-grants"), ("POST", "/zones/dev/keys/rotate"), ("GET", "/zones/dev/events"), ("GET", "/zones/dev/events?follow=1"),
    ("GET", "/zones/dev/decisions/d_x"), ("GET", "/zones/dev/chain"),
]


def bodies(zone: Zone, path: str) -> dict[str, Any] | None:
    if path.endswith("/apply"):
        return {"files": {"zone.yaml": "zone: dev\n"}, "dry_run": False}
    if path.endswith("/keys"):
        return {"jwk": {k: zone.agent("churn").public[k] for k in ("kty", "crv", "x", "y")}}
    return {"password": "stolen-password", "kind": "user", "id": "sara", "status": "revoked", "algorithm": "ES256"}


@pytest.mark.parametrize("token", ["none", "garbage", "agent", "user", "basic", "assertion"])
@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[f"{m}-{p}" for m, p in ROUTES])
def test_management_without_its_token(zone: Zone, method: str, path: str, token: str) -> None:
    headers: dict[str, str] = {}
    if token == "garbage":
        headers["Authorization"] = "Bearer a.b.c"
    elif token == "agent":
        headers["Authorization"] = "Bearer " + tokens(zone)["agent"]
    elif token == "user":
        headers["Authorization"] = "Bearer " + tokens(zone)["user"]
    elif token == "basic":
        headers["Authorization"] = "Basic cm9vdDpyb290"
    elif token == "assertion":
        headers["Authorization"] = "Bearer " + zone.agent("churn").assertion(aud=f"{zone.issuer}/management")
    mark = zone.newest()
    with zone.http.stream(method, zone.management + path, headers=headers, json=bodies(zone, path) if method != "GET" else None) as answer:
        answer.read()
    assert answer.status_code in (401, 403), f"{answer.status_code} {answer.text}"
    assert answer.json()["error"] in ("invalid_token", "access_denied")
    assert not [e for e in zone.events(mark) if e["outcome"] == "allowed"]


_tokens: dict[str, dict[str, str]] = {}


def tokens(zone: Zone) -> dict[str, str]:
    if zone.issuer not in _tokens:
        agent = granted(zone.agent("churn").itself())["access_token"]
        _tokens[zone.issuer] = {"agent": agent, "user": zone.entry()["access_token"]}
    zone.canaries.update(_tokens[zone.issuer].values())
    return _tokens[zone.issuer]


@pytest.mark.parametrize("path", ["/zones/dev", "/zones/dev/users", "/z/dev/zones/dev"])
def test_no_management_on_the_public_listener(zone: Zone, path: str) -> None:
    assert zone.http.get(zone.origin + path).status_code == 404
    assert zone.socket.get("/zones/dev").status_code == 200, "the twin: over the socket"


def test_nobody_gets_a_management_token(zone: Zone) -> None:
    from urllib.parse import parse_qs, urlsplit

    answer = zone.browser().http.get(zone.client().url(resource=f"{zone.issuer}/management"))
    assert answer.status_code == 303 and parse_qs(urlsplit(answer.headers["location"]).query)["error"] == ["access_denied"]
    refused = zone.agent("churn").itself(resource=f"{zone.issuer}/management")
    assert refused.status_code == 400 and refused.json()["error"] == "access_denied"


ASK = """
import http.client, json, socket, sys
class Line(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX); self.sock.connect(sys.argv[1])
for method, path, body in json.load(sys.stdin):
    try:
        line = Line("zone"); line.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = line.getresponse(); print(answer.status, answer.read().decode().replace("\\n", " "))
    except OSError as error:
        print(0, error)
"""


def as_nobody(zone: Zone, asked: list[Any]) -> subprocess.CompletedProcess[str]:
    """The requests over the socket, sent by another uid: with whichever Python that uid may run."""
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            return subprocess.run([python, "-c", ASK, str(zone.state / "carnet.sock")], input=json.dumps(asked), capture_output=True, text=True,
                                  user=65534, group=65534, extra_groups=[], cwd="/", timeout=60)
        except OSError:
            continue
    pytest.skip("no Python that another uid may run")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_stranger_at_the_socket(zone: Zone) -> None:
    """As root's child under another uid: whether the socket lets it in at all or not, it learns and changes nothing."""
    mark = zone.newest()
    asked = [(m, p, bodies(zone, p) if m != "GET" else None) for m, p in ROUTES if "follow" not in p]
    zone.folder.chmod(0o755)
    done = as_nobody(zone, asked)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(asked)
    assert all(line.split()[0] in ("0", "401", "403") for line in lines), done.stdout
    assert not [e for e in zone.events(mark) if e["outcome"] == "allowed"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_listed_uid_registers_its_key_and_nothing_else(fresh: Zone) -> None:
    zone = fresh
    zone.folder.chmod(0o755)
    text = (zone.folder / "zone.yaml").read_text().replace("run: true", "run: { uids: [65534] }")
    assert zone.apply(zone_yaml=text).status_code == 200
    key = bodies(zone, "/keys")
    asked = [("POST", "/zones/dev/applications/churn/keys", key), ("POST", "/zones/dev/applications/nightly/keys", key), ("GET", "/zones/dev", None),
             ("POST", "/zones/dev/users/sara/password", {"password": "stolen-password"})]
    done = as_nobody(zone, asked)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["201", "403", "403", "403"], done.stdout + done.stderr


BAD: dict[str, tuple[str, str, str]] = {
    "unknown-key": ("managed_policies", "policies: [lanes.cedar]", "policies: [lanes.cedar]\nmanaged_polices: true"),
    "unknown-nested-key": ("owner", "owner: churn, algorithm: ES256", "ownr: churn, algorithm: ES256"),
    "unknown-resource": ("snowflak", "snowflake: [\"session", "snowflak: [\"session"),
    "unknown-scope": ("quer", "analytics: [query, purge]", "analytics: [quer, purge]"),
    "unknown-owner": ("nobody", "owner: churn, algorithm", "owner: nobody, algorithm"),
    "unknown-class": ("reed", "run: [read]", "run: [reed]"),
    "unknown-file": ("other.cedar", "policies: [lanes.cedar]", "policies: [other.cedar]"),
    "path-out": ("..", "policies: [lanes.cedar]", "policies: [../lanes.cedar]"),
    "duplicate-key": ("zone.yaml:5", "  tom: {", "  sara: {"),
    "duplicate-identifier": ("resources.churn", "http://localhost:8002/mcp", "http://localhost:8001/mcp"),
    "slug": ("Churn", "  churn: { jwks", "  Churn: { jwks"),
    "slug-quote": ("zone.yaml", "  other: { secret", "  'o\"ther': { secret"),
    "redirect-http": ("redirect", "https://app.example/sub/cb", "http://app.example/sub/cb"),
    "tag": ("zone.yaml", "zone: dev", "zone: !!python/object dev"),
    "anchor": ("zone.yaml", "zone: dev", "zone: &a dev"),
    "other-zone": ("zone", "zone: dev", "zone: prod"),
    "not-yaml": ("zone.yaml", "zone: dev", "zone: [dev"),
    "algorithm": ("HS256", "algorithm: ES256", "algorithm: HS256"),
    "both-run-and-public": ("", "web: { public: true", "web: { public: true, secret: true"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_zone_file_leaves_the_old_one(zone: Zone, name: str) -> None:
    word, old, new = BAD[name]
    text = (zone.folder / "zone.yaml").read_text()
    assert old in text
    before, mark = zone.socket.get("/zones/dev").json()["version"], zone.newest()
    answer = zone.apply(zone_yaml=text.replace(old, new, 1))
    assert answer.status_code == 400, answer.text
    description = answer.json()["error_description"]
    assert description.startswith("zone.yaml") and word in description, description
    assert zone.socket.get("/zones/dev").json()["version"] == before
    assert not [e for e in zone.events(mark) if e["outcome"] == "allowed"]
    granted(zone.agent("churn").exchange(tokens(zone)["user"], ANALYTICS))
    assert zone.apply(zone_yaml=text).json()["changes"] == [], "the twin: the good file, again"


POLICIES = {
    "syntax": LANES + "\nforbid (principal", "type": LANES + '\n@id("x") forbid (principal, action, resource) when { context.chain == 3 };', "attribute": LANES + '\n@id("x") forbid (principal, action, resource) when { context.nothing };',
    "entity": LANES + '\n@id("x") forbid (principal == Application::"nobody", action, resource);', "same-id": LANES + LANES, "action": LANES + '\n@id("x") permit (principal, action == Action::"fly", resource);', "binary": "\x01\x02",
    "managed-id": LANES + '\n@id("managed-user") permit (principal, action, resource);', "template": LANES + '\n@id("x") permit (principal == ?principal, action, resource);',
}


@pytest.mark.parametrize("name", POLICIES)
def test_bad_policy_leaves_the_old_one(zone: Zone, name: str) -> None:
    before = zone.socket.get("/zones/dev").json()["version"]
    answer = zone.apply(lanes_cedar=POLICIES[name])
    assert answer.status_code == 400 and "lanes.cedar" in answer.json()["error_description"], answer.text
    assert zone.socket.get("/zones/dev").json()["version"] == before
    refused = zone.agent("churn").exchange(tokens(zone)["user"], ANALYTICS, scope="purge")
    assert refused.json()["policy"]["id"] == "no-delete-in-any-chain", "the old policies hold"


def test_command_names_line_and_nearest_key(zone: Zone) -> None:
    good = (zone.folder / "zone.yaml").read_text()
    (zone.folder / "zone.yaml").write_text(good.replace("applications:", "aplications:", 1))
    try:
        done = zone.command("apply", str(zone.folder / "zone.yaml"))
        assert done.returncode == 1 and "zone.yaml:6" in done.stderr and "applications" in done.stderr, done.stderr
    finally:
        (zone.folder / "zone.yaml").write_text(good)
    assert zone.command("apply", str(zone.folder / "zone.yaml")).returncode == 0


@pytest.mark.parametrize("body", [None, {}, [], "x", {"files": {}}, {"files": []}, {"files": {"zone.yaml": 3}}, {"files": {"../zone.yaml": "zone: dev"}}], ids=str)
def test_malformed_apply(zone: Zone, body: Any) -> None:
    before = zone.socket.get("/zones/dev").json()["version"]
    answer = zone.socket.post("/zones/dev/apply", json=body)
    assert answer.status_code == 400, answer.text
    assert zone.socket.get("/zones/dev").json()["version"] == before


@pytest.mark.parametrize("path", ["/zones/nothing", "/zones/dev/sessions/s_nothing", "/zones/dev/decisions/d_01m86xnq0cryjj5h1kydkfpyea", "/zones/dev/applications/nothing", "/zones/dev/users/nothing", "/nothing"])
def test_unknown_is_not_found(zone: Zone, path: str) -> None:
    assert zone.socket.get(path).status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=-1", "limit=x", "after=x", "after=-1"])
def test_page_bounds(zone: Zone, query: str) -> None:
    answer = zone.socket.get(f"/zones/dev/events?{query}")
    assert answer.status_code in (200, 400)
    assert len(answer.json().get("items", [])) <= 100


@pytest.mark.parametrize("password", ["short", "", 12345678, None, "x" * 2000])
def test_password_that_is_none(zone: Zone, password: Any) -> None:
    assert zone.socket.post("/zones/dev/users/tom/password", json={"password": password}).status_code == 400
