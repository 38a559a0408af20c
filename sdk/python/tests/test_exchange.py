from __future__ import annotations

import asyncio
import copy
import json
import pathlib
import pickle
import threading
import time
import traceback

import pytest

import carnet
from carnet import (
    AccessDenied,
    ClientSecret,
    Exchanger,
    ExchangeError,
    Feed,
    NeedsReauthorization,
    RateLimited,
    Verifier,
    Zone,
    ZoneUnreachable,
)
from carnet.secret import Secret

from .helpers import until
from .peer import Peer

SNOWFLAKE = "snowflake://acme.snowflakecomputing.com"


@pytest.fixture
def exchanger(zone: Zone, credential: ClientSecret, feed: Feed) -> Exchanger:
    exchanger = Exchanger(zone, credential, cuts=feed.cuts)
    feed._on_cut = exchanger.cache.purge
    return exchanger


async def test_request_and_answer(peer: Peer, exchanger: Exchanger, verifier: Verifier, audience: str) -> None:
    subject = verifier.verify(peer.token(audience))
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    credential = await exchanger.exchange_async(subject, SNOWFLAKE, "session:role:ANALYST", traceparent=parent)
    sent = peer.calls("token")[0]
    assert sent["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
    assert sent["subject_token"] == subject.token.reveal()
    assert (sent["resource"], sent["scope"]) == (SNOWFLAKE, "session:role:ANALYST")
    assert (sent["client_id"], sent["_traceparent"]) == ("churn", parent)
    assert credential.access_token.startswith(f"for {SNOWFLAKE}")
    assert credential.decision_id and credential.session == "s_1"
    await exchanger.exchange_async(subject, "other", traceparent="nonsense\r\nx: y")
    assert peer.calls("token")[1]["_traceparent"] == ""


def test_cache_is_keyed_by_subject_resource_and_scope(
    peer: Peer, exchanger: Exchanger, verifier: Verifier, audience: str
) -> None:
    sara, omar = (verifier.verify(peer.token(audience, sub=who)) for who in ("sara", "omar"))
    again = verifier.verify(peer.token(audience, sub="sara", sid="s_2"))
    asked = [
        (sara, "a", None), (omar, "a", None), (again, "a", None),
        (sara, "b", None), (sara, "a", "x"), (sara, "a", "x y"),
    ]
    first = [exchanger.exchange(*question).access_token for question in asked]
    assert len(set(first)) == len(asked)
    assert [exchanger.exchange(*question).access_token for question in asked] == first
    assert len(peer.calls("token")) == len(asked)


async def test_single_flight_across_tasks_and_threads(
    peer: Peer, exchanger: Exchanger, verifier: Verifier, audience: str
) -> None:
    peer.token_delay = 0.3
    subject = verifier.verify(peer.token(audience))
    sync = [asyncio.to_thread(exchanger.exchange, subject, "a") for _ in range(4)]
    found = await asyncio.gather(*sync, *(exchanger.exchange_async(subject, "a") for _ in range(100)))
    assert len({credential.access_token for credential in found}) == 1
    assert len(peer.calls("token")) == 1


async def test_a_cancelled_leader_does_not_take_the_others_down(
    peer: Peer, exchanger: Exchanger, verifier: Verifier, audience: str
) -> None:
    peer.token_delay = 0.3
    subject = verifier.verify(peer.token(audience))
    leader = asyncio.create_task(exchanger.exchange_async(subject, "a"))
    await asyncio.sleep(0.1)
    waiting = [asyncio.create_task(exchanger.exchange_async(subject, "a")) for _ in range(5)]
    await asyncio.sleep(0.05)
    leader.cancel()
    waiting[0].cancel()
    found = await asyncio.gather(*waiting[1:])
    assert len({credential.access_token for credential in found}) == 1


def test_failures_are_shared_but_never_kept(
    peer: Peer, exchanger: Exchanger, verifier: Verifier, audience: str
) -> None:
    subject = verifier.verify(peer.token(audience))
    peer.answer = lambda form: (400, {"error": "access_denied", "error_description": "no"})
    with pytest.raises(AccessDenied):
        exchanger.exchange(subject, "a")
    peer.answer = peer.issue
    assert exchanger.exchange(subject, "a")
    peer.down = True
    assert exchanger.exchange(subject, "a")  # still good, still ours
    with pytest.raises((ExchangeError, ZoneUnreachable)):
        exchanger.exchange(subject, "b")


def test_never_past_its_own_or_the_subjects_end(peer: Peer, zone: Zone, credential: ClientSecret, feed: Feed,
                                                verifier: Verifier, audience: str) -> None:
    now = [time.time()]
    exchanger = Exchanger(zone, credential, cuts=feed.cuts, clock=lambda: now[0])
    short = verifier.verify(peer.token(audience, exp=int(now[0]) + 60))
    exchanger.exchange(short, "a")
    now[0] += 45
    exchanger.exchange(short, "a")
    assert len(peer.calls("token")) == 1
    now[0] += 10
    exchanger.exchange(short, "a")
    assert len(peer.calls("token")) == 2
    peer.answer = lambda form: (200, {"access_token": "t", "token_type": "Bearer"})  # says no lifetime
    exchanger.exchange(short, "b")
    exchanger.exchange(short, "b")
    assert len(peer.calls("token")) == 4


def test_a_cut_drops_what_hangs_on_it(
    peer: Peer, exchanger: Exchanger, verifier: Verifier, feed: Feed, audience: str
) -> None:
    assert feed.wait_ready(5)
    one, two = (verifier.verify(peer.token(audience, sid=s, anc=[s])) for s in ("s_1", "s_2"))
    for subject in (one, two):
        exchanger.exchange(subject, "a")
    of_two = exchanger.exchange(two, "b")
    assert len(exchanger.cache) == 3
    peer.cut("session", "s_1")
    until(lambda: len(exchanger.cache) == 2)
    assert of_two.decision_id
    peer.cut("jti", of_two.decision_id)
    until(lambda: len(exchanger.cache) == 1)
    exchanger.exchange(two, "a")
    assert len(peer.calls("token")) == 3


def test_errors_are_typed_and_carry_the_zones_line(peer: Peer, exchanger: Exchanger) -> None:
    line = "health may not reach snowflake: policy lane (lanes.cedar:12) forbids it · carnet why d_7f3k"
    peer.answer = lambda form: (403, {
        "error": "access_denied", "error_description": line, "decision_id": "d_7f3k", "requestId": "r1",
        "policy": {"id": "lane", "file": "lanes.cedar", "line": 12}})
    with pytest.raises(AccessDenied) as denied:
        exchanger.exchange("subject", "a")
    assert str(denied.value) == line
    assert (denied.value.decision_id, denied.value.request_id) == ("d_7f3k", "r1")
    assert denied.value.policy and denied.value.policy["line"] == 12
    peer.answer = lambda form: (400, {
        "error": "insufficient_authorization", "error_description": "connect hubspot",
        "authorization_url": "http://zone/connect/1"})
    with pytest.raises(NeedsReauthorization) as missing:
        exchanger.exchange("subject", "a")
    assert missing.value.authorization_url == "http://zone/connect/1"
    peer.answer = lambda form: (429, {"error": "slow_down"})
    with pytest.raises(RateLimited):
        exchanger.exchange("subject", "a")


def test_nothing_secret_in_any_representation(
    peer: Peer, exchanger: Exchanger, verifier: Verifier, audience: str
) -> None:
    subject = verifier.verify(peer.token(audience))
    credential = exchanger.exchange(subject, "a")
    secrets = [subject.token.reveal(), subject.token.reveal()[:-8], credential.access_token, "hush-hush"]
    shown = [f(x) for f in (repr, str, "{}".format) for x in (subject, credential, credential.token, exchanger,
             exchanger.cache, exchanger.cache._entries, ClientSecret("churn", "hush-hush"))]
    assert not [secret for secret in secrets for text in shown if secret in text]
    for thing in (subject, credential, credential.token, Secret("x")):
        for leak in (pickle.dumps, copy.deepcopy, json.dumps):
            with pytest.raises(TypeError):
                leak(thing)
    peer.answer = lambda form: (400, {"error": "invalid_grant", "error_description": "gone"})
    nowhere = Exchanger(Zone("http://127.0.0.1:9/z/x"), ClientSecret("churn", "hush-hush"))
    elsewhere = peer.token("http://localhost:8009/mcp")
    secrets.append(elsewhere)
    plain = subject.token.reveal()
    for attempt in (
        lambda: exchanger.exchange(subject, "b"), lambda: nowhere.exchange(subject, "b"),
        lambda: exchanger.exchange(plain, "b"), lambda: asyncio.run(exchanger.exchange_async(plain, "b")),
        lambda: verifier.verify(elsewhere), lambda: asyncio.run(verifier.verify_async(elsewhere)),
        lambda: verifier.verify(plain[:-8] + "AAAAAAAA"),
    ):
        try:
            attempt()
        except Exception as error:
            text = _with_locals(error)
            assert "exchange.py" in text or "verify.py" in text
            assert not [secret for secret in secrets if secret in text]
            assert not error.__cause__
        else:
            pytest.fail("went through")


def _with_locals(error: Exception) -> str:
    """The traceback with the locals of the package's own frames: those of a caller are the caller's."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    package = f"{pathlib.Path(carnet.__file__).parent}/"
    trace.stack = traceback.StackSummary.from_list([f for f in trace.stack if f.filename.startswith(package)])
    return "".join(trace.format())


def test_many_threads_meet_at_expiry(peer: Peer, exchanger: Exchanger, verifier: Verifier, audience: str) -> None:
    peer.token_delay = 0.2
    subject = verifier.verify(peer.token(audience))
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(exchanger.exchange(subject, "a").access_token))
               for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 100 and len(set(found)) == 1 and len(peer.calls("token")) == 1
