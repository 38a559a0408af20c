"""kill -9, and again: what was used stays used, what was closed stays closed, who signed in stays so (attacks E02, A01)."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from expect import Watch, granted
from parties import claims_of
from zone import ANALYTICS, CHURN, SNOWFLAKE, Zone


def test_after_kill(fresh: Zone) -> None:
    zone = fresh
    client, agent = zone.client(), zone.agent("churn")
    closed = client.sign_in(zone.new_browser("tom"))
    browser = zone.browser()
    whole = client.sign_in(browser)
    second = granted(agent.exchange(whole["access_token"], ANALYTICS))["access_token"]
    rotated = granted(client.refresh(whole["refresh_token"]))
    assertion = agent.assertion()
    granted(agent.itself(assertion=assertion))
    code = client.code(browser)
    granted(client.redeem(code))
    unused = client.code(browser)
    cut = granted(agent.exchange(whole["access_token"], ANALYTICS, scope="query"))["access_token"]
    zone.socket.post("/zones/dev/cuts", json={"kind": "jti", "id": claims_of(cut)["jti"]}).raise_for_status()
    zone.socket.patch(f"/zones/dev/sessions/{closed['session']}", json={"status": "revoked"}).raise_for_status()
    before = zone.newest()

    zone.kill()
    zone.start()

    watch = Watch(zone)
    watch.check(client.refresh(whole["refresh_token"]), "invalid_grant")
    watch.check(agent.itself(assertion=assertion), "invalid_client", 401)
    watch.check(client.refresh(closed["refresh_token"]), "invalid_grant")
    watch.check(agent.exchange(closed["access_token"], ANALYTICS), "invalid_grant", event=True)
    assert not agent.active(closed["access_token"])
    assert not zone.agent("product-analytics").active(cut)
    assert zone.newest() >= before, "no event was lost"

    assert zone.agent("product-analytics").active(second), "keys and hops are those from before"
    granted(zone.agent("product-analytics").exchange(second, SNOWFLAKE))
    assert granted(client.refresh(rotated["refresh_token"]))["session"] == whole["session"]
    assert granted(client.redeem(unused))["scope"] == "run"
    page = browser.http.get(zone.issuer + "/account")
    assert "sara@acme.example" in page.text and 'type="password"' not in page.text, "the sign-in is still there"
    joined = client.sign_in(browser, resource=ANALYTICS)
    assert joined["session"] == whole["session"]
    watch = Watch(zone)
    watch.check(client.redeem(code), "invalid_grant")
    granted(zone.http.post(zone.issuer + "/token", data={"grant_type": "client_credentials"}, auth=("nightly", zone.secrets["nightly"])))
    zone.check()


def test_killed_while_it_works(fresh: Zone) -> None:
    """What was answered is in the ledger: no acknowledged refresh or close is forgotten by a kill in full flight."""
    from concurrent.futures import ThreadPoolExecutor

    zone = fresh
    client, browser = zone.client(), zone.browser()
    tokens = [client.sign_in(browser)["refresh_token"] for _ in range(12)]
    answered: list[tuple[str, str]] = []

    def spin(token: str) -> None:
        for _ in range(200):
            try:
                answer = client.refresh(token)
            except Exception:  # noqa: BLE001 - it was killed
                return
            if answer.status_code != 200:
                return
            answered.append((token, answer.json()["refresh_token"]))
            token = answer.json()["refresh_token"]

    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(spin, token) for token in tokens]
        time.sleep(0.3)
        zone.kill()
        for one in done:
            one.result()
    assert answered
    zone.start()
    used = [old for old, _ in answered]
    for old in used[-10:]:
        assert client.refresh(old).status_code == 400
    verify(zone)


def verify(zone: Zone) -> None:
    done = zone.command("verify", str(zone.state / "ledger.db"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_chain_of_events_verifies_and_shows_a_change(fresh: Zone) -> None:
    zone, ledger = fresh, fresh.state / "ledger.db"
    granted(zone.agent("churn").exchange(zone.entry()["access_token"], ANALYTICS))
    for _ in range(3):
        zone.http.post(zone.issuer + "/token", data={"grant_type": "client_credentials"}, auth=("nightly", "wrong"))
    time.sleep(1.5)
    zone.kill()
    verify(zone)
    with contextlib.closing(sqlite3.connect(ledger)) as line, line:
        counted = line.execute("select sum(n) from refused_count where zone = 'dev' and reason = 'CLIENT'").fetchone()[0]
        assert counted == 3, "strangers are counted, by the second"
        line.execute("update event set body = replace(body, 'allowed', 'refused') where key = (select max(key) from event)")
        assert line.total_changes == 1
    assert zone.command("verify", str(ledger)).returncode == 1
    zone.start()


def test_no_secret_is_on_disk(fresh: Zone) -> None:
    """Passwords, secrets, codes, refresh and access tokens: digests at most (M05)."""
    zone = fresh
    client = zone.client()
    code = client.code(zone.browser())
    whole = granted(client.redeem(code))
    again = granted(client.refresh(whole["refresh_token"]))
    secrets = [*zone.passwords.values(), *zone.secrets.values(), code, whole["refresh_token"], again["refresh_token"], whole["access_token"], again["access_token"]]
    cookies = [c.value for c in zone.browser().http.cookies.jar if c.value]
    assert cookies
    zone.kill()
    for path in Path(zone.state).rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for secret in (*secrets, *cookies):
                assert secret.encode() not in data, f"a secret is in {path.name}"
    assert (zone.state.stat().st_mode & 0o077) == 0 or all((p.stat().st_mode & 0o077) == 0 for p in zone.state.iterdir() if p.is_file() and "sock" not in p.name)
    zone.start()


def test_refresh_after_the_window_ends_the_family(fresh: Zone) -> None:
    """E01: a token used ten seconds after its first use is somebody else's: the whole authorization ends."""
    zone = fresh
    client = zone.client()
    whole = client.sign_in(zone.browser())
    other = client.sign_in(zone.browser(), resource=ANALYTICS)
    second = granted(client.refresh(whole["refresh_token"]))
    child = granted(zone.agent("churn").exchange(second["access_token"], ANALYTICS))["access_token"]
    time.sleep(11.2)
    watch = Watch(zone)
    watch.check(client.refresh(whole["refresh_token"]), "invalid_grant", event=True)
    watch.check(client.refresh(second["refresh_token"]), "invalid_grant")
    assert not zone.agent("churn").active(second["access_token"]) and not zone.agent("product-analytics").active(child)
    assert granted(client.refresh(other["refresh_token"]))["scope"] == "query", "another authorization of the session lives"
    assert claims_of(second["access_token"])["aud"] == CHURN
