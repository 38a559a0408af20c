"""Tells the zone which tools ran, in batches, in the background.

A report is about a call that already happened: it authorizes nothing, holds no
arguments and no results, and no tool ever waits for it. What cannot be kept is
dropped and shows at the zone as a gap in the running number.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .credentials import Credential
from .errors import CarnetError
from .http import Request
from .zone import Zone

Outcome = Literal["ok", "error", "refused"]
_EVERY = 1.0
_BATCH = 100
_WAITING_MOST = 10_000

log = logging.getLogger("carnet.reports")


@dataclass(frozen=True)
class Call:
    """One finished call of a tool."""

    jti: str
    tool: str
    outcome: Outcome
    ms: int
    credentials: Sequence[str] = ()
    trace: str | None = None


class Reports:
    """The reporter of one process."""

    def __init__(self, zone: Zone, credential: Credential) -> None:
        self._zone, self._credential = zone, credential
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._begin(pid=0)

    def _begin(self, pid: int) -> None:
        self._pid = pid
        self._process = secrets.token_hex(8)
        self._number = 0
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_WAITING_MOST)

    def add(self, call: Call) -> None:
        with self._lock:
            if self._pid != os.getpid():
                self._begin(os.getpid())
                threading.Thread(target=self._run, name="carnet-reports", daemon=True).start()
                atexit.register(self.flush)
            self._number += 1
            self._waiting.append(_entry(self._number, call))

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            self.flush()

    def stop(self) -> None:
        self._stop.set()
        self.flush()

    def flush(self) -> None:
        """Send what waits, a batch at a time; keep what the zone did not take."""
        while batch := self._next():
            try:
                self._send(batch)
            except CarnetError as error:
                log.debug("reports to %s: %s", self._zone.issuer, type(error).__name__)
                self._put_back(batch)
                return

    def _next(self) -> list[dict[str, Any]]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]

    def _put_back(self, batch: list[dict[str, Any]]) -> None:
        with self._lock:
            room = _WAITING_MOST - len(self._waiting)
            self._waiting.extendleft(reversed(batch[-room:] if room < len(batch) else batch))

    def _send(self, batch: list[dict[str, Any]]) -> None:
        proof = self._credential.parameters(self._zone.issuer)
        body = {"process": self._process, "calls": batch, **proof}
        answer = self._zone.http.send(Request("POST", self._zone.reports_url, json=body, timeout=5.0))
        if answer.status == 429 or answer.status >= 500:
            raise CarnetError(f"reports answered {answer.status}")
        if answer.status >= 400:
            # A batch that the zone will never take must not block the next ones.
            log.warning("%s does not take our reports: %s", self._zone.issuer, answer.status)


def _entry(number: int, call: Call) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "n": number,
        "jti": call.jti,
        "credentials": list(call.credentials),
        "tool": call.tool,
        "outcome": call.outcome,
        "ms": call.ms,
    }
    if call.trace:
        entry["trace"] = call.trace
    return entry


class Stopwatch:
    """Milliseconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def ms(self) -> int:
        return int((time.monotonic() - self._began) * 1000)
