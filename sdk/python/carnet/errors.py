"""What can go wrong, as types.

Every error that a zone answered carries the zone's own one-line explanation
unchanged: it names the link of the chain, the policy with file and line, and
the command that explains the decision. No error ever carries a token.
"""

from __future__ import annotations

from typing import Any


class CarnetError(Exception):
    """Base of everything this package raises."""


class ConfigurationError(CarnetError):
    """The program is set up wrongly. Raised at start-up, never at a request."""


class ZoneUnreachable(CarnetError):
    """The zone did not answer, or not with something usable. Nothing is granted then."""


class TokenRefused(CarnetError):
    """A presented token is not acceptable here. `reason` is safe to log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MissingScope(CarnetError):
    """The presented token does not carry the scope that a tool needs."""

    def __init__(self, tool: str, needed: str) -> None:
        super().__init__(f"{tool} needs the scope {needed}, which the presented token does not carry")
        self.tool = tool
        self.needed = needed


class NotGranted(CarnetError):
    """A tool asked for access to a resource that no `grant` of it names."""


class ExchangeError(CarnetError):
    """The zone refused a token. `str(error)` is its one-line explanation."""

    code = "server_error"

    def __init__(
        self,
        description: str,
        *,
        code: str | None = None,
        resource: str | None = None,
        decision_id: str | None = None,
        request_id: str | None = None,
        authorization_url: str | None = None,
        policy: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(description)
        self.code = code or type(self).code
        self.description = description
        self.resource = resource
        self.decision_id = decision_id
        self.request_id = request_id
        self.authorization_url = authorization_url
        self.policy = policy
        self.retry_after = retry_after


class AccessDenied(ExchangeError):
    """Policy refused. `policy` names it, with file and line."""

    code = "access_denied"


class InvalidGrant(ExchangeError):
    """The presented token is expired, closed, not ours to present, or off the recorded path."""

    code = "invalid_grant"


class InvalidTarget(ExchangeError):
    """The resource is unknown, disabled, or named twice over."""

    code = "invalid_target"


class InvalidScope(ExchangeError):
    """The scope is unknown or more than this delegation may carry."""

    code = "invalid_scope"


class InvalidRequest(ExchangeError):
    """The zone could not make sense of the request."""

    code = "invalid_request"


class InvalidClient(ExchangeError):
    """The zone does not accept this program's credential."""

    code = "invalid_client"


class UnauthorizedClient(ExchangeError):
    """This kind of credential may not do that."""

    code = "unauthorized_client"


class NeedsReauthorization(ExchangeError):
    """A consent or a connection is missing. `authorization_url`, if any, is for the user alone."""

    code = "insufficient_authorization"


class RateLimited(ExchangeError):
    """Too many requests; `retry_after` says for how many seconds."""

    code = "slow_down"


_BY_CODE: dict[str, type[ExchangeError]] = {
    kind.code: kind
    for kind in (
        AccessDenied,
        InvalidGrant,
        InvalidTarget,
        InvalidScope,
        InvalidRequest,
        InvalidClient,
        UnauthorizedClient,
        NeedsReauthorization,
    )
}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def exchange_error(
    status: int, body: Any, *, resource: str | None = None, retry_after: float | None = None
) -> ExchangeError:
    """Turn an OAuth error answer into the type that fits it."""
    fields: dict[str, Any] = body if isinstance(body, dict) else {}
    code = _text(fields.get("error")) or f"http_{status}"
    kind = RateLimited if status == 429 else _BY_CODE.get(code, ExchangeError)
    policy = fields.get("policy")
    return kind(
        _text(fields.get("error_description")) or f"the zone refused: {code}",
        code=code,
        resource=resource,
        decision_id=_text(fields.get("decision_id")),
        request_id=_text(fields.get("requestId")),
        authorization_url=_text(fields.get("authorization_url")),
        policy=policy if isinstance(policy, dict) else None,
        retry_after=retry_after,
    )
