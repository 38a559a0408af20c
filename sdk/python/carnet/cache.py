"""Exchanged credentials, in memory only, each made once however many ask.

The key is (SHA-256 of the subject token, resource, scope), so that nobody is
ever served what another token, resource or scope earned. An entry ends with
its credential, its subject token, or the cut of anything it depends on.
Failures are never kept.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass

from .context import Credential
from .cuts import Cuts, Marks

# What is about to expire is not handed out: it would die on its way.
_MARGIN = 10.0
_MOST = 10_000


@dataclass(frozen=True)
class Key:
    subject: str
    resource: str
    scope: str


@dataclass(frozen=True)
class _Entry:
    credential: Credential
    subject: Marks | None
    until: float


def _watched(flight: Future[Credential]) -> asyncio.Future[Credential]:
    """The flight for this loop. Its failure counts as seen, also if whoever waits for it is cancelled."""
    waiting = asyncio.wrap_future(flight)
    waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
    return waiting


class _LeaderGone(Exception):
    """Whoever was making the credential was cancelled; someone else must."""


class Cache:
    """One application's credentials towards others. Thread-safe; fit for many event loops."""

    def __init__(self, cuts: Cuts | None = None, clock: Callable[[], float] = time.time) -> None:
        self._cuts = Cuts() if cuts is None else cuts
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[Key, _Entry] = {}
        self._making: dict[Key, Future[Credential]] = {}

    def get(self, key: Key, subject: Marks | None, make: Callable[[], Credential]) -> Credential:
        while True:
            found, flight, leading = self._look(key)
            if found is not None:
                return found
            if leading:
                try:
                    return self._land(key, flight, subject, make())
                except BaseException as error:
                    self._crash(key, flight, error)
                    raise
            try:
                return flight.result()
            except _LeaderGone:
                continue

    async def get_async(
        self, key: Key, subject: Marks | None, make: Callable[[], Awaitable[Credential]]
    ) -> Credential:
        while True:
            found, flight, leading = self._look(key)
            if found is not None:
                return found
            if leading:
                try:
                    return self._land(key, flight, subject, await make())
                except BaseException as error:
                    self._crash(key, flight, error)
                    raise
            try:
                # A waiter that gives up must not take the flight down with it.
                return await asyncio.shield(_watched(flight))
            except _LeaderGone:
                continue

    def _look(self, key: Key) -> tuple[Credential | None, Future[Credential], bool]:
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and self._alive(entry):
                return entry.credential, Future(), False
            self._entries.pop(key, None)
            flight = self._making.get(key)
            if flight is not None:
                return None, flight, False
            flight = self._making[key] = Future()
            return None, flight, True

    def _alive(self, entry: _Entry) -> bool:
        return self._clock() < entry.until - _MARGIN and not self._cut(entry)

    def _cut(self, entry: _Entry) -> bool:
        own = Marks(0, 0, frozenset(filter(None, (entry.credential.decision_id,))), frozenset())
        return self._cuts.dead(own) or (entry.subject is not None and self._cuts.dead(entry.subject))

    def _land(
        self, key: Key, flight: Future[Credential], subject: Marks | None, credential: Credential
    ) -> Credential:
        until = credential.expires_at
        if subject is not None:
            until = min(until, subject.expires_at)
        with self._lock:
            self._making.pop(key, None)
            if len(self._entries) >= _MOST:
                self._drop_some()
            self._entries[key] = _Entry(credential, subject, until)
        flight.set_result(credential)
        return credential

    def _crash(self, key: Key, flight: Future[Credential], error: BaseException) -> None:
        with self._lock:
            self._making.pop(key, None)
        if not flight.done():
            flight.set_exception(error if isinstance(error, Exception) else _LeaderGone())
            flight.exception()

    def _drop_some(self) -> None:
        self._entries = {key: entry for key, entry in self._entries.items() if self._alive(entry)}
        while len(self._entries) >= _MOST:
            del self._entries[next(iter(self._entries))]

    def purge(self) -> None:
        """Forget everything that has ended, so that it does not stay in memory either."""
        with self._lock:
            self._entries = {key: entry for key, entry in self._entries.items() if self._alive(entry)}

    def forget(self, credential: Credential) -> None:
        """Forget one credential that its resource did not accept."""
        with self._lock:
            self._entries = {k: e for k, e in self._entries.items() if e.credential is not credential}

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Cache({len(self)} credentials)"
