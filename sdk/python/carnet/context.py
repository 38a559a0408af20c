"""What a tool holds while it runs: credentials for the resources granted to it.

One `AccessContext` belongs to one call of one tool for one caller. It is found
through a context variable, so that concurrent calls never see each other's.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from .errors import CarnetError, NotGranted
from .secret import Secret

_current: ContextVar[AccessContext | None] = ContextVar("carnet_access", default=None)


@dataclass(frozen=True)
class Credential:
    """What the zone issued for one resource. Only `access_token` shows the token."""

    resource: str
    token: Secret = field(repr=False)
    token_type: str
    scope: str
    expires_at: float
    issued_token_type: str
    decision_id: str | None = None
    session: str | None = None

    @property
    def access_token(self) -> str:
        return self.token.reveal()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a credential is neither pickled nor copied")


class AccessContext:
    """The credentials and refusals of one tool call."""

    def __init__(
        self,
        credentials: Mapping[str, Credential] | None = None,
        errors: Mapping[str, CarnetError] | None = None,
    ) -> None:
        self._credentials = dict(credentials or {})
        self._errors = dict(errors or {})
        self._used: list[str] = []

    @staticmethod
    def current() -> AccessContext:
        """The context of the running tool call: the way for synchronous tools."""
        context = _current.get()
        if context is None:
            raise NotGranted("no grant is in force here: decorate the tool with @auth_provider.grant(…)")
        return context

    def access(self, resource: str) -> Credential:
        """The credential for a granted resource; raises the zone's refusal if there is none."""
        if resource in self._errors:
            raise self._errors[resource]
        credential = self._credentials.get(resource)
        if credential is None:
            raise NotGranted(f"{resource} is not granted to this tool: name it in @auth_provider.grant(…)")
        if credential.decision_id and credential.decision_id not in self._used:
            self._used.append(credential.decision_id)
        return credential

    @property
    def errors(self) -> dict[str, CarnetError]:
        """The refusals, by resource."""
        return dict(self._errors)

    @property
    def resources(self) -> list[str]:
        return [*self._credentials, *self._errors]

    @property
    def used(self) -> list[str]:
        """Decision ids of the credentials that the tool took."""
        return list(self._used)

    def merge(self, other: AccessContext) -> None:
        """Take over what a second `grant` on the same tool obtained."""
        self._credentials.update(other._credentials)
        self._errors.update(other._errors)

    def __repr__(self) -> str:
        return f"AccessContext(granted={list(self._credentials)}, refused={list(self._errors)})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("an AccessContext is neither pickled nor copied")
