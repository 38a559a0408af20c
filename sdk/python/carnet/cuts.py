"""What has been cut, and which tokens are dead by it.

Knows the rule of the zone: a token is dead if it names a cut id, or began
before a cut of its user, its resource or an application of its chain.
Never knows how cuts arrive; see `feed`.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_BY_ID = frozenset({"session", "authorization", "hop", "jti"})
_BY_TIME = frozenset({"user", "application", "resource"})
# No token of a zone lives longer than a day; what is older can name nothing alive.
_KEPT = 25 * 3600.0
_MOST = 500_000


@dataclass(frozen=True)
class Marks:
    """All that can kill one token, taken once from its verified claims."""

    issued_at: int
    expires_at: int
    ids: frozenset[str]
    parties: frozenset[tuple[str, str]]


def user_id(issuer: str, subject: str) -> str:
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()


def _actors(act: Any) -> Iterator[str]:
    for _ in range(64):
        if not isinstance(act, Mapping):
            return
        if isinstance(act.get("sub"), str):
            yield act["sub"]
        act = act.get("act")


def marks(claims: Mapping[str, Any]) -> Marks:
    """Marks of verified claims."""
    anchors = claims.get("anc")
    ids = {claims["jti"], claims["sid"]}
    ids.update(a for a in (anchors if isinstance(anchors, list) else []) if isinstance(a, str))
    parties = {
        ("user", user_id(claims["iss"], claims["sub"])),
        ("resource", claims["aud"]),
        ("application", claims["client_id"]),
        ("application", claims["sub"]),
    }
    parties.update(("application", actor) for actor in _actors(claims.get("act")))
    return Marks(claims["iat"], claims["exp"], frozenset(ids), frozenset(parties))


class Cuts:
    """The cuts heard so far. Thread-safe; bounded in time and number."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ids: dict[str, float] = {}
        self._parties: dict[tuple[str, str], float] = {}
        self.overflown = False

    def add(self, kind: str, identity: str, at: float) -> None:
        with self._lock:
            if kind in _BY_ID:
                self._ids[identity] = self._clock()
            elif kind in _BY_TIME:
                key = (kind, identity)
                self._parties[key] = max(at, self._parties.get(key, 0.0))
            if len(self._ids) + len(self._parties) > _MOST:
                self._sweep()

    def _sweep(self) -> None:
        horizon = self._clock() - _KEPT
        self._ids = {key: at for key, at in self._ids.items() if at > horizon}
        self._parties = {key: at for key, at in self._parties.items() if at > horizon}
        # More than we can remember: from now on only the zone knows.
        self.overflown = len(self._ids) + len(self._parties) > _MOST

    def dead(self, token: Marks) -> bool:
        with self._lock:
            if not self._ids.keys().isdisjoint(token.ids):
                return True
            return any(token.issued_at <= self._parties.get(party, -1.0) for party in token.parties)

    def __len__(self) -> int:
        return len(self._ids) + len(self._parties)
