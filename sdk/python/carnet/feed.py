"""Follows the zone's feed of cuts in the background.

A daemon thread reads `{issuer}/revocations`, so that a busy event loop cannot
delay the news. Heard = a heartbeat within the last three seconds. While it is
not heard, `current` is False and every token must be asked about at the zone.
A forked child starts its own follower.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from .credentials import Credential
from .cuts import Cuts, Marks
from .errors import CarnetError
from .zone import Zone

_SILENCE = 3.0
_BACKLOG = 3600.0
_RETRY_FIRST, _RETRY_MOST = 0.2, 2.0
_LONGEST_FIELD = 65536

log = logging.getLogger("carnet.feed")


@dataclass(frozen=True)
class Message:
    event: str
    data: Any
    sequence: str | None


class _StartAnew(Exception):
    """The zone no longer keeps what follows our cursor."""


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """Server-Sent Events, as far as the feed uses them."""
    event, data, sequence = "message", "", None
    for line in lines:
        if not line:
            if data:
                yield Message(event, json.loads(data), sequence)
            event, data, sequence = "message", "", None
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            event = value
        elif name == "data" and len(data) < _LONGEST_FIELD:
            data += value
        elif name == "id":
            sequence = value


class Feed:
    """The follower of one zone. `start` it; ask `current` and `dead`."""

    def __init__(
        self,
        zone: Zone,
        credential: Credential,
        cuts: Cuts | None = None,
        *,
        on_cut: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._zone = zone
        self._credential = credential
        self.cuts = Cuts() if cuts is None else cuts
        self._on_cut = on_cut
        self._clock, self._wall = clock, wall
        self._lock = threading.Lock()
        self._pid = 0
        self._stop = threading.Event()
        self._heard = threading.Event()
        self._heard_at: float | None = None
        self._after: str | None = None
        self._covers_since: float | None = None

    def start(self) -> None:
        """Start following, once in each process."""
        if self._pid == os.getpid() or self._stop.is_set():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()
            self._heard_at = None
            self._heard.clear()
            threading.Thread(target=self._follow, name="carnet-feed", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait for the first heartbeat."""
        self.start()
        return self._heard.wait(timeout)

    @property
    def current(self) -> bool:
        """Whether a cut of a second ago would have been heard."""
        at = self._heard_at
        return (
            self._pid == os.getpid()
            and at is not None
            and self._clock() - at < _SILENCE
            and not self.cuts.overflown
        )

    def covers(self, token: Marks) -> bool:
        """Whether every cut since the token's beginning must have been heard here."""
        since = self._covers_since
        return self.current and since is not None and token.issued_at > since

    def dead(self, token: Marks) -> bool:
        return self.cuts.dead(token)

    def _follow(self) -> None:
        pause = _RETRY_FIRST
        while not self._stop.is_set():
            try:
                began = self._clock()
                self._listen()
            except _StartAnew:
                self._after = None
            except Exception as error:  # noqa: BLE001 - whatever the peer sends, the follower lives on
                log.debug("feed of %s: %s", self._zone.issuer, type(error).__name__)
            pause = _RETRY_FIRST if self._clock() - began > _RETRY_MOST else min(pause * 2, _RETRY_MOST)
            self._stop.wait(pause)

    def _listen(self) -> None:
        form = self._credential.parameters(self._zone.issuer)
        anew = self._after is None
        if self._after is not None:
            form["after"] = self._after
        began = self._wall()
        timeout = httpx.Timeout(5.0, read=_SILENCE)
        client = self._zone.http.client()
        with client.stream("POST", self._zone.feed_url, data=form, timeout=timeout) as answer:
            if answer.status_code == 410:
                raise _StartAnew
            if answer.status_code != 200:
                raise CarnetError(f"the feed answered {answer.status_code}")
            for message in messages(answer.iter_lines()):
                self._take(message, began if anew else None)
                if self._stop.is_set():
                    return

    def _take(self, message: Message, began: float | None) -> None:
        data = message.data
        if not isinstance(data, dict):
            raise ValueError("feed message is no object")
        if message.event == "cut":
            self.cuts.add(str(data["kind"]), str(data["id"]), float(data["at"]))
            self._after = message.sequence or self._after
            if self._on_cut is not None:
                self._on_cut()
        elif message.event == "heartbeat":
            self._after = str(data["seq"])
            if began is not None and self._covers_since is None:
                # A fresh start brings the last hour; older tokens are asked about.
                self._covers_since = began - _BACKLOG
            self._heard_at = self._clock()
            self._heard.set()
