"""A zone as its clients see it: metadata and signing keys.

Knows how to find both from the issuer alone and how long to believe them.
Never takes an endpoint of another origin, another issuer's metadata, or a key
the zone has stopped publishing.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key

from .errors import ConfigurationError, ZoneUnreachable
from .http import Answer, Http, Request

_METADATA_LIFE = 3600.0
_KEYS_LIFE = 600.0
_KEYS_STALE = 3600.0
_KEYS_WINDOW, _KEYS_TRIES = 10.0, 3
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Metadata:
    issuer: str
    token_endpoint: str
    jwks_uri: str
    introspection_endpoint: str


@dataclass(frozen=True)
class VerificationKey:
    kid: str
    algorithm: str
    key: Key


def check_issuer(issuer: str, *, insecure_http: bool = False) -> str:
    """Return the issuer if it may be trusted to be one (RFC 8414 §2), or raise."""
    parts = urlsplit(issuer)
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment or parts.username:
        raise ConfigurationError(f"not an issuer URL: {issuer}")
    local = host in _LOOPBACK or host.endswith(".localhost")
    if parts.scheme == "http" and not local and not insecure_http:
        raise ConfigurationError(f"{issuer} is not https; say insecure_http=True to accept that")
    return issuer


def well_known(issuer: str) -> str:
    """RFC 8414 §3: the well-known segment goes before the issuer's path."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{path}"


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


class Zone:
    """One zone. Safe to share between threads and event loops."""

    def __init__(
        self,
        issuer: str,
        http: Http | None = None,
        *,
        insecure_http: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = check_issuer(issuer, insecure_http=insecure_http)
        self.http = http or Http()
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: Metadata | None = None
        self._metadata_at = 0.0
        self._keys: Mapping[str, VerificationKey] = {}
        self._keys_at: float | None = None
        self._tried: deque[float] = deque(maxlen=_KEYS_TRIES)

    def __repr__(self) -> str:
        return f"Zone({self.issuer!r})"

    @property
    def feed_url(self) -> str:
        return f"{self.issuer}/revocations"

    @property
    def reports_url(self) -> str:
        return f"{self.issuer}/reports"

    def metadata(self) -> Metadata:
        with self._lock:
            if self._metadata is None or self._clock() - self._metadata_at > _METADATA_LIFE:
                self._metadata = self._read_metadata(self.http.send(Request("GET", well_known(self.issuer))))
                self._metadata_at = self._clock()
            return self._metadata

    async def metadata_async(self) -> Metadata:
        known = self._metadata
        if known is not None and self._clock() - self._metadata_at <= _METADATA_LIFE:
            return known
        return await asyncio.to_thread(self.metadata)

    def _read_metadata(self, answer: Answer) -> Metadata:
        body = answer.body
        if answer.status != 200 or not isinstance(body, dict):
            raise ZoneUnreachable(f"{well_known(self.issuer)} answered {answer.status}")
        # RFC 8414 §3.3: identical, or the answer must not be used.
        if body.get("issuer") != self.issuer:
            raise ZoneUnreachable(f"the metadata of {self.issuer} names another issuer")
        return Metadata(
            self.issuer,
            self._endpoint(body, "token_endpoint"),
            self._endpoint(body, "jwks_uri"),
            self._endpoint(body, "introspection_endpoint"),
        )

    def _endpoint(self, body: dict[str, Any], name: str) -> str:
        url = body.get(name)
        if not isinstance(url, str) or _origin(url) != _origin(self.issuer):
            raise ZoneUnreachable(f"{name} of {self.issuer} is not at the issuer's own origin")
        return url

    def key(self, kid: str) -> VerificationKey | None:
        """The published key of that id, or None. Reads the key set again when it must."""
        with self._lock:
            if self._wants_keys(kid):
                self._fetch_keys()
            if self._keys_at is None or self._clock() - self._keys_at > _KEYS_STALE:
                raise ZoneUnreachable(f"the keys of {self.issuer} cannot be read")
            return self._keys.get(kid)

    async def key_async(self, kid: str) -> VerificationKey | None:
        if self._keys_at is not None and self._clock() - self._keys_at <= _KEYS_LIFE and kid in self._keys:
            return self._keys[kid]
        return await asyncio.to_thread(self.key, kid)

    def _wants_keys(self, kid: str) -> bool:
        now = self._clock()
        fresh = self._keys_at is not None and now - self._keys_at <= _KEYS_LIFE
        if fresh and kid in self._keys:
            return False
        # Unknown kids, or a zone that is down, make at most three requests in ten seconds. One would be too few: a key
        # that begins to sign just after the set was read would be refused for as long.
        return len(self._tried) < _KEYS_TRIES or now - self._tried[0] >= _KEYS_WINDOW

    def _fetch_keys(self) -> None:
        self._tried.append(self._clock())
        try:
            metadata = self._metadata or self._read_metadata(
                self.http.send(Request("GET", well_known(self.issuer)))
            )
            answer = self.http.send(Request("GET", metadata.jwks_uri))
        except ZoneUnreachable:
            return
        if answer.status == 200 and isinstance(answer.body, dict):
            # Replaced, never merged: a key that is no longer published signs nothing any more.
            self._keys = read_keys(answer.body)
            self._keys_at = self._clock()


def read_keys(jwks: dict[str, Any]) -> dict[str, VerificationKey]:
    """The usable keys of a JWK set: public, with kid, for RS256, ES256 or EdDSA."""
    keys: dict[str, VerificationKey] = {}
    entries = jwks.get("keys")
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
            continue
        algorithm = _algorithm_of(entry)
        if algorithm is None or entry.get("use", "sig") != "sig" or entry["kid"] in keys:
            continue
        try:
            public = {name: entry[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in entry}
            keys[entry["kid"]] = VerificationKey(entry["kid"], algorithm, import_key(public))
        except (JoseError, ValueError, TypeError):
            continue  # a key we cannot read is a key we do not have
    return keys


def _algorithm_of(entry: dict[str, Any]) -> str | None:
    """The one algorithm a key may be used with: its kind decides, `alg` may only agree."""
    kinds: dict[tuple[Any, Any], str] = {
        ("RSA", None): "RS256",
        ("EC", "P-256"): "ES256",
        ("OKP", "Ed25519"): "EdDSA",
    }
    algorithm = kinds.get((entry.get("kty"), entry.get("crv")))
    said = entry.get("alg", algorithm)
    return algorithm if said == algorithm or (algorithm == "EdDSA" and said == "Ed25519") else None
