"""Tells the zone which tools ran, in batches, in the background.

A report is about a call that already happened: it authorizes nothing, holds no
arguments and no results, and no tool ever waits for it. What cannot be kept is
dropped and shows at the zone as a gap in the running number. The zone files a
batch under one session, so no batch holds calls of two.
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


_Entry = dict[str, Any]
_Waiting = tuple[str, _Entry]


@dataclass(frozen=True)
class Call:
    """One finished call of a tool; `jti` and `session` are those of the token presented with it."""

    jti: str
    session: str
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
        self._waiting: deque[_Waiting] = deque(maxlen=_WAITING_MOST)
        self._turn = threading.Lock()

    def add(self, call: Call) -> None:
        with self._lock:
            if self._pid != os.getpid():
                self._begin(os.getpid())
                threading.Thread(target=self._run, name="carnet-reports", daemon=True).start()
                atexit.register(self.flush)
            self._number += 1
            self._waiting.append((call.session, _entry(self._number, call)))

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            self.flush()

    def stop(self) -> None:
        self._stop.set()
        self.flush()

    def flush(self) -> None:
        """Send what waits, a batch at a time; keep what the zone did not take."""
        if self._pid != os.getpid():
            return  # what waits is the parent's, who sends it
        with self._turn:
            batches = deque(_batches(self._take()))
            try:
                while batches:
                    self._send([entry for _, entry in batches[0]])
                    batches.popleft()
            except CarnetError as error:
                log.debug("reports to %s: %s", self._zone.issuer, type(error).__name__)
            finally:
                self._put_back([call for batch in batches for call in batch])

    def _take(self) -> list[_Waiting]:
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
            return taken

    def _put_back(self, calls: list[_Waiting]) -> None:
        """The newest of them, as many as there is room for, in front of what came meanwhile."""
        calls.sort(key=lambda call: call[1]["n"])
        with self._lock:
            room = _WAITING_MOST - len(self._waiting)
            self._waiting.extendleft(reversed(calls[max(0, len(calls) - room) :]))

    def _send(self, batch: list[_Entry]) -> None:
        proof = self._credential.parameters(self._zone.issuer)
        body = {"process": self._process, "calls": batch, **proof}
        answer = self._zone.http.send(Request("POST", self._zone.reports_url, json=body, timeout=5.0))
        if answer.status == 429 or answer.status >= 500:
            raise CarnetError(f"reports answered {answer.status}")
        if answer.status >= 400:
            # A batch that the zone will never take must not block the next ones.
            log.warning("%s does not take our reports: %s", self._zone.issuer, answer.status)


def _batches(calls: Sequence[_Waiting]) -> list[list[_Waiting]]:
    """Of one session each, at most a hundred calls, in the order of their first calls."""
    batches: list[list[_Waiting]] = []
    filling: dict[str, list[_Waiting]] = {}
    for call in calls:
        batch = filling.get(call[0])
        if batch is None or len(batch) == _BATCH:
            batch = filling[call[0]] = []
            batches.append(batch)
        batch.append(call)
    return batches


def _entry(number: int, call: Call) -> _Entry:
    entry: _Entry = {
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
