from __future__ import annotations

import time

from carnet import ClientSecret, Reports, Zone
from carnet.reports import Call

from .helpers import until
from .peer import Peer


def _call(number: int) -> Call:
    return Call("d_1", f"tool-{number}", "ok", 3, ["d_2"], "a" * 32)


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
