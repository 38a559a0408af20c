"""What a refusal has to be: its code and status, nothing issued, an event or a count, no secret in the answer."""

from __future__ import annotations

from typing import Any

import httpx
from zone import Zone

ISSUED = ("access_token", "refresh_token", "id_token", "client_secret", "code")


def granted(answer: httpx.Response) -> dict[str, Any]:
    """The positive twin."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["access_token"] and answer.headers["cache-control"] == "no-store"
    return body


class Watch:
    """What the ledger and the metrics said before."""

    def __init__(self, zone: Zone) -> None:
        self.zone, self.mark, self.refused = zone, zone.newest(), self._count(zone)

    @staticmethod
    def _count(zone: Zone) -> float:
        """Refusals of the zone, and of the listener, which refuses what it cannot read."""
        return zone.metric('carnet_requests_total{outcome="refused"}') + zone.metric('carnet_http_requests_total{class="4xx"}')

    def check(self, answer: httpx.Response, error: str, status: int = 400, event: bool | None = None) -> dict[str, Any]:
        """`event`: whether the ledger must hold the refusal (True), must not (False), or may (None)."""
        assert answer.status_code == status, f"{answer.status_code} {answer.text}"
        body = answer.json()
        assert body["error"] == error, answer.text
        assert not any(body.get(name) for name in ISSUED), "something was issued"
        assert answer.headers["cache-control"] == "no-store"
        assert "\n" not in body["error_description"]
        assert not any(canary in answer.text for canary in self.zone.canaries), "a secret is in the answer"
        events = self.zone.events(self.mark)
        assert not [e for e in events if e["outcome"] == "allowed" and e.get("issued")], events
        refusals = [e for e in events if e["id"] == body.get("decision_id") and e["outcome"] == "refused"]
        if event is not None:
            assert bool(refusals) == event, events
        if refusals:
            assert refusals[0]["error"] == error and refusals[0]["why"]
            assert not any(canary in str(refusals) for canary in self.zone.canaries), "a secret is in the ledger"
        else:
            assert self._count(self.zone) > self.refused, "neither an event nor a count"
        return body
