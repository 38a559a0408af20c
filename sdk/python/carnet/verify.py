"""Decides whether a presented token is good here and now.

Local first (signature, type, issuer, audience, time), then alive: against the
cuts heard, or at the zone itself while the feed is silent. RFC 9068 tokens,
RS256, ES256 and EdDSA only, one string audience, exact comparisons throughout.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from .credentials import Credential, parameters_async
from .cuts import Marks, marks
from .errors import TokenRefused, ZoneUnreachable
from .feed import Feed
from .http import Answer, Request
from .secret import Form, Secret
from .zone import VerificationKey, Zone

_ALGORITHMS = ("RS256", "ES256", "EdDSA")
_LONGEST = 16384
_SKEW = 5
_INTROSPECT_WITHIN = 2.0
_REGISTRY = jws.JWSRegistry(algorithms=list(_ALGORITHMS))


@dataclass(frozen=True)
class VerifiedToken:
    """A token that passed. The text of it is reachable only through `token.reveal()`."""

    token: Secret
    claims: Mapping[str, Any]
    marks: Marks = field(repr=False)

    @property
    def jti(self) -> str:
        return str(self.claims["jti"])

    @property
    def session(self) -> str:
        return str(self.claims["sid"])

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(str(self.claims.get("scope", "")).split())

    @property
    def expires_at(self) -> int:
        return int(self.claims["exp"])


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member occurs twice")
    return members


def _looks_like_jwt(text: str) -> bool:
    return len(text) <= _LONGEST and text.count(".") == 2 and text.isascii()


def _header(secret: Secret) -> dict[str, Any]:
    if not _looks_like_jwt(secret.reveal()):
        raise TokenRefused("not a JWT")
    try:
        raw = urlsafe_b64decode(secret.reveal().split(".", 1)[0].encode())
        header = json.loads(raw, object_pairs_hook=_refuse_twins)
    except (ValueError, JoseError):
        raise TokenRefused("the header cannot be read") from None
    if not isinstance(header, dict):
        raise TokenRefused("the header cannot be read")
    return header


def _check_header(header: dict[str, Any]) -> str:
    """Returns the kid. RFC 9068 §4: typ at+jwt; nothing that points at keys, no extensions."""
    if header.get("alg") not in _ALGORITHMS:
        raise TokenRefused("the algorithm is not accepted")
    if str(header.get("typ", "")).lower() not in ("at+jwt", "application/at+jwt"):
        raise TokenRefused("not an access token (typ)")
    if any(name in header for name in ("crit", "jku", "jwk", "x5u", "x5c", "b64", "zip")):
        raise TokenRefused("the header carries something we do not accept")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise TokenRefused("the header names no key")
    return kid


def _signed_claims(secret: Secret, header: dict[str, Any], key: VerificationKey | None) -> dict[str, Any]:
    if key is None or key.algorithm != header["alg"]:
        raise TokenRefused("not signed by a key of this zone")
    try:
        # Only the library's own view of the checked bytes is used from here on.
        payload = jws.deserialize_compact(secret.reveal(), key.key, registry=_REGISTRY).payload
        claims = json.loads(payload, object_pairs_hook=_refuse_twins)
    except (JoseError, ValueError):
        raise TokenRefused("the signature does not hold") from None
    if not isinstance(claims, dict):
        raise TokenRefused("the claims cannot be read")
    return claims


def _check_claims(claims: dict[str, Any], issuer: str, audience: str, now: float) -> None:
    for name in ("sub", "client_id", "sid", "jti"):
        if not isinstance(claims.get(name), str) or not claims[name]:
            raise TokenRefused(f"the claim {name} is missing")
    for name in ("iat", "exp"):
        if type(claims.get(name)) is not int:
            raise TokenRefused(f"the claim {name} is missing")
    if claims.get("iss") != issuer:
        raise TokenRefused("issued by someone else")
    if claims.get("aud") != audience:
        raise TokenRefused("meant for another resource")
    if claims["exp"] <= now:
        raise TokenRefused("expired")
    begins = claims.get("nbf", claims["iat"])
    if type(begins) is not int or max(begins, claims["iat"]) > now + _SKEW:
        raise TokenRefused("not valid yet")


class Verifier:
    """Verifies tokens for one resource of one zone."""

    def __init__(
        self,
        zone: Zone,
        audience: str,
        credential: Credential,
        feed: Feed,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._zone, self.audience = zone, audience
        self._credential, self._feed = credential, feed
        self._clock = clock

    def verify(self, token: str) -> VerifiedToken:
        """The verified token; raises TokenRefused or ZoneUnreachable, never returns a doubtful one."""
        secret = Secret(token)
        del token  # else a traceback that prints locals would print it
        header = _header(secret)
        key = self._zone.key(_check_header(header))
        verified = self._verified(secret, header, key)
        if self._must_ask(verified):
            self._judge(verified, self._zone.http.send(self._question(secret, self._proof())))
        return verified

    async def verify_async(self, token: str) -> VerifiedToken:
        secret = Secret(token)
        del token  # else a traceback that prints locals would print it
        header = _header(secret)
        key = await self._zone.key_async(_check_header(header))
        verified = self._verified(secret, header, key)
        if self._must_ask(verified):
            try:
                async with asyncio.timeout(_INTROSPECT_WITHIN):
                    self._judge(verified, await self._ask_async(secret))
            except TimeoutError:
                raise ZoneUnreachable("the zone did not say within two seconds") from None
        return verified

    async def _ask_async(self, secret: Secret) -> Answer:
        await self._zone.metadata_async()
        proof = await parameters_async(self._credential, self._zone.issuer)
        return await self._zone.http.send_async(self._question(secret, proof))

    def _verified(self, secret: Secret, header: dict[str, Any], key: VerificationKey | None) -> VerifiedToken:
        claims = _signed_claims(secret, header, key)
        _check_claims(claims, self._zone.issuer, self.audience, self._clock())
        return VerifiedToken(secret, claims, marks(claims))

    def _must_ask(self, verified: VerifiedToken) -> bool:
        self._feed.start()
        if self._feed.dead(verified.marks):
            raise TokenRefused("the session, or something this token depends on, was closed")
        return not self._feed.covers(verified.marks)

    def _proof(self) -> Form:
        return self._credential.parameters(self._zone.issuer)

    def _question(self, secret: Secret, proof: Form) -> Request:
        form = Form(proof, token=secret.reveal(), token_type_hint="access_token")
        url = self._zone.metadata().introspection_endpoint
        return Request("POST", url, form=form, timeout=_INTROSPECT_WITHIN)

    def _judge(self, verified: VerifiedToken, answer: Answer) -> None:
        if answer.status != 200 or not isinstance(answer.body, dict):
            raise ZoneUnreachable(f"introspection answered {answer.status}")
        if answer.body.get("active") is not True:
            raise TokenRefused("the zone says that this token is not active")

