"""HTTP towards one zone, synchronous and asynchronous alike.

Requests are plain values, so that each protocol step is written once and sent
either way. Never follows redirects, never takes proxies or credentials from
the environment: what carries our tokens goes to the zone and nowhere else.

Lifetime: clients live as long as their `Http`; a forked child gets fresh ones
(two processes must not share a connection), and so does each event loop.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from .errors import ZoneUnreachable

_LARGEST_ANSWER = 1 << 20


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 10.0

    def arguments(self) -> dict[str, Any]:
        given: dict[str, Any] = {"headers": dict(self.headers), "timeout": self.timeout}
        if self.form is not None:
            given["data"] = dict(self.form)
        if self.json is not None:
            given["json"] = self.json
        return given


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = field(repr=False)
    retry_after: float | None = None


def _answer(response: httpx.Response) -> Answer:
    body: Any = None
    if len(response.content) <= _LARGEST_ANSWER:
        try:
            body = response.json()
        except ValueError:
            body = None
    wait = response.headers.get("retry-after", "")
    return Answer(response.status_code, body, float(wait) if wait.isdigit() else None)


class Http:
    """The connections of one process to one zone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start_anew()

    def _start_anew(self) -> None:
        self._pid = os.getpid()
        self._plain: httpx.Client | None = None
        self._per_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            weakref.WeakKeyDictionary()
        )

    def _after_fork(self) -> None:
        if self._pid != os.getpid():
            self._lock = threading.Lock()
            self._start_anew()

    def client(self) -> httpx.Client:
        self._after_fork()
        with self._lock:
            if self._plain is None:
                self._plain = httpx.Client(trust_env=False, follow_redirects=False)
            return self._plain

    def async_client(self) -> httpx.AsyncClient:
        self._after_fork()
        loop = asyncio.get_running_loop()
        with self._lock:
            client = self._per_loop.get(loop)
            if client is None:
                client = httpx.AsyncClient(trust_env=False, follow_redirects=False)
                self._per_loop[loop] = client
            return client

    def send(self, request: Request) -> Answer:
        try:
            return _answer(self.client().request(request.method, request.url, **request.arguments()))
        except httpx.HTTPError as error:
            raise _unreachable(request, error) from None

    async def send_async(self, request: Request) -> Answer:
        try:
            client = self.async_client()
            return _answer(await client.request(request.method, request.url, **request.arguments()))
        except httpx.HTTPError as error:
            raise _unreachable(request, error) from None

    def close(self) -> None:
        if self._plain is not None and self._pid == os.getpid():
            self._plain.close()
        self._plain = None

    async def close_async(self) -> None:
        client = self._per_loop.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


def _unreachable(request: Request, error: Exception) -> ZoneUnreachable:
    # The cause is not chained: its request object holds the form with our credentials.
    return ZoneUnreachable(f"{request.method} {request.url}: {type(error).__name__}")
