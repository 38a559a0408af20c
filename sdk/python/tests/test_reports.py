from __future__ import annotations

import time
from typing import Any

import pytest

from carnet import ClientSecret, Reports, Zone, ZoneUnreachable
from carnet.reports import Call

from .helpers import until
from .peer import Peer


def _call(number: int, session: str = "s_1") -> Call:
    return Call("d_1", session, f"tool-{number}", "ok", 3, ["d_2"], "a" * 32)


def test_batches_of_a_hundred_with_running_numbers(peer: Peer, zone: Zone, credential: ClientSecret) -> None:
    reports = Reports(zone, credential)
    for number in range(250):
        reports.add(_call(number))
    until(lambda: sum(len(r["calls"]) for r in peer.reports) == 250)
    assert [len(r["calls"]) for r in peer.reports] == [100, 100, 50]
    assert [call["n"] for r in peer.reports for call in r["calls"]] == list(range(1, 251))
    assert len({r["process"] for r in peer.reports}) == 1
    assert peer.reports[0]["client_id"] == "churn"
    first = peer.reports[0]["calls"][0]
    assert first == {"n": 1, "jti": "d_1", "credentials": ["d_2"], "tool": "tool-0", "outcome": "ok", "ms": 3,
                     "trace": "a" * 32}
    reports.stop()


def test_a_zone_that_is_down_gets_them_later_and_nobody_waits(
    peer: Peer, zone: Zone, credential: ClientSecret
) -> None:
    reports = Reports(zone, credential)
    peer.down = True
    began = time.monotonic()
    for number in range(12_000):
        reports.add(_call(number))
    assert time.monotonic() - began < 2
    reports.flush()
    assert len(reports._waiting) == 10_000
    peer.down = False
    until(lambda: sum(len(r["calls"]) for r in peer.reports) >= 10_000)
    numbers = [call["n"] for r in peer.reports for call in r["calls"]]
    assert numbers[-1] == 12_000 and len(numbers) == 10_000  # what was lost shows as a gap
    reports.stop()


def _numbers(peer: Peer) -> list[list[int]]:
    return [[call["n"] for call in report["calls"]] for report in peer.reports]


def test_a_batch_holds_calls_of_one_session(peer: Peer, zone: Zone, credential: ClientSecret) -> None:
    reports = Reports(zone, credential)
    peer.down = True
    for number in range(360):
        reports.add(_call(number, f"s_{number % 3}"))
    reports.flush()
    assert not peer.reports and [call["n"] for _, call in reports._waiting] == list(range(1, 361))
    peer.down = False
    until(lambda: sum(map(len, _numbers(peer))) == 360)
    of = [list(range(first, 361, 3)) for first in (1, 2, 3)]
    assert _numbers(peer) == [of[0][:100], of[1][:100], of[2][:100], of[0][100:], of[1][100:], of[2][100:]]
    assert len({report["process"] for report in peer.reports}) == 1
    assert "session" not in peer.reports[0]["calls"][0]
    reports.stop()


def test_what_was_not_taken_keeps_its_order_and_its_bound(peer: Peer, zone: Zone, credential: ClientSecret,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    reports = Reports(zone, credential)
    reports._stop.set()  # only this thread sends
    sent: list[list[dict[str, Any]]] = []

    def takes_one(batch: list[dict[str, Any]]) -> None:
        if sent:
            for number in range(9_990):
                reports.add(_call(number))  # arrives while the zone thinks
            raise ZoneUnreachable("gone")
        sent.append(batch)

    monkeypatch.setattr(reports, "_send", takes_one)
    for session in "ababcbacbaabccba":
        reports.add(_call(0, session))
    reports.flush()
    assert [call["n"] for call in sent[0]] == [1, 3, 7, 10, 11, 16]
    waiting = [call["n"] for _, call in reports._waiting]
    assert waiting == [2, 4, 5, 6, 8, 9, 12, 13, 14, 15, *range(17, 10_007)]
    reports.add(_call(0))
    reports._put_back([("a", {"n": 1})])
    assert [call["n"] for _, call in reports._waiting][0] == 4 and len(reports._waiting) == 10_000
    monkeypatch.setattr(reports, "_send", sent.append)
    reports.flush()


def test_a_forked_child_does_not_send_its_parents(peer: Peer, zone: Zone, credential: ClientSecret,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    reports = Reports(zone, credential)
    reports._stop.set()
    reports.add(_call(0))
    mine = reports._pid
    monkeypatch.setattr(reports, "_pid", mine + 1)
    reports.flush()
    assert not peer.reports
    monkeypatch.setattr(reports, "_pid", mine)
    reports.flush()
    assert _numbers(peer) == [[1]]
