"""Token exchange (RFC 8693), sync and async, and an application's own token.

Knows the request's shape, what a usable answer is, and the cache in front.
The zone decides everything; nothing is widened, guessed or retried here.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from .cache import Cache, Key
from .context import Credential
from .credentials import Credential as ClientCredential
from .credentials import parameters_async
from .cuts import Cuts, Marks
from .errors import ExchangeError, exchange_error
from .http import Answer, Request
from .secret import Form, Secret
from .verify import VerifiedToken
from .zone import Zone

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def valid_traceparent(value: str | None) -> str | None:
    """A W3C traceparent of version 00, or None."""
    return value if value is not None and _TRACEPARENT.fullmatch(value) else None


class Exchanger:
    """Obtains credentials for one application."""

    def __init__(
        self,
        zone: Zone,
        credential: ClientCredential,
        *,
        cuts: Cuts | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._zone, self._credential, self._clock = zone, credential, clock
        self.cache = Cache(cuts, clock)

    def exchange(
        self,
        subject: VerifiedToken | str,
        resource: str,
        scope: str | None = None,
        *,
        traceparent: str | None = None,
    ) -> Credential:
        """A credential for `resource` on behalf of whoever `subject` stands for."""
        text, marks = _subject(subject)
        del subject  # else a traceback that prints locals would print a plain one
        form = _exchange_form(text, resource, scope)
        return self.cache.get(
            Key(text.digest(), resource, scope or ""),
            marks,
            lambda: self._fetch(form, resource, traceparent),
        )

    async def exchange_async(
        self,
        subject: VerifiedToken | str,
        resource: str,
        scope: str | None = None,
        *,
        traceparent: str | None = None,
    ) -> Credential:
        text, marks = _subject(subject)
        del subject  # else a traceback that prints locals would print a plain one
        form = _exchange_form(text, resource, scope)
        return await self.cache.get_async(
            Key(text.digest(), resource, scope or ""),
            marks,
            lambda: self._fetch_async(form, resource, traceparent),
        )

    def own(self, resource: str | None = None, scope: str | None = None) -> Credential:
        """This application's own token: on behalf of nobody, where the zone allows that by name."""
        return self._fetch(_own_form(resource, scope), resource or "", None)

    async def own_async(self, resource: str | None = None, scope: str | None = None) -> Credential:
        return await self._fetch_async(_own_form(resource, scope), resource or "", None)

    def _fetch(self, form: Form, resource: str, traceparent: str | None) -> Credential:
        proof = self._credential.parameters(self._zone.issuer)
        request = _request(self._zone.metadata().token_endpoint, Form(form, **proof), traceparent)
        return self._read(self._zone.http.send(request), resource)

    async def _fetch_async(
        self, form: Form, resource: str, traceparent: str | None
    ) -> Credential:
        proof = await parameters_async(self._credential, self._zone.issuer)
        metadata = await self._zone.metadata_async()
        request = _request(metadata.token_endpoint, Form(form, **proof), traceparent)
        return self._read(await self._zone.http.send_async(request), resource)

    def _read(self, answer: Answer, resource: str) -> Credential:
        body = answer.body
        if answer.status != 200:
            raise exchange_error(answer.status, body, resource=resource, retry_after=answer.retry_after)
        if not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
            raise ExchangeError("the zone's answer holds no token", resource=resource)
        lifetime = body.get("expires_in")
        if not isinstance(lifetime, int | float) or not math.isfinite(lifetime) or lifetime <= 0:
            lifetime = 0  # usable now, never kept
        return Credential(
            resource=resource,
            token=Secret(body["access_token"]),
            token_type=_string(body, "token_type") or "Bearer",
            scope=_string(body, "scope") or "",
            expires_at=self._clock() + lifetime,
            issued_token_type=_string(body, "issued_token_type") or ACCESS_TOKEN,
            decision_id=_string(body, "decision_id"),
            session=_string(body, "session"),
        )


def _string(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) else None


def _subject(subject: VerifiedToken | str) -> tuple[Secret, Marks | None]:
    if isinstance(subject, str):
        return Secret(subject), None
    return subject.token, subject.marks


def _exchange_form(subject: Secret, resource: str, scope: str | None) -> Form:
    form = Form(
        grant_type=TOKEN_EXCHANGE,
        subject_token=subject.reveal(),
        subject_token_type=ACCESS_TOKEN,
        resource=resource,
    )
    return Form(form, scope=scope) if scope else form


def _own_form(resource: str | None, scope: str | None) -> Form:
    form = Form(grant_type="client_credentials")
    if resource:
        form["resource"] = resource
    return Form(form, scope=scope) if scope else form


def _request(url: str, form: Form, traceparent: str | None) -> Request:
    headers = {"traceparent": traceparent} if valid_traceparent(traceparent) and traceparent else {}
    return Request("POST", url, form=form, headers=headers)
