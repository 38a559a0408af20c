"""Stands in front of every tool call: scope first, report afterwards."""

from __future__ import annotations

from typing import Any

from fastmcp.exceptions import ToolError
from fastmcp.server.dependencies import get_access_token, get_http_headers
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext

from ..context import AccessContext, _current
from ..errors import CarnetError, TokenRefused
from ..exchange import valid_traceparent
from ..reports import Call, Outcome, Reports, Stopwatch
from ..verify import VerifiedToken
from .scopes import ScopeRule, required_by


class Refused(ToolError):
    """A tool call that was refused; its text is the one-line reason."""


def presented() -> VerifiedToken:
    """The verified token of the request being served."""
    verified = getattr(get_access_token(), "verified", None)
    if not isinstance(verified, VerifiedToken):
        raise TokenRefused("no token of the zone was presented with this call")
    return verified


def traceparent() -> str | None:
    return valid_traceparent(get_http_headers(include={"traceparent"}).get("traceparent"))


class Gate(Middleware):
    """One server's gate. Holds no state of any call."""

    def __init__(self, rule: ScopeRule, reports: Reports) -> None:
        self._rule, self._reports = rule, reports

    async def on_call_tool(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        token = _presented_or_refused()
        watch, access = Stopwatch(), AccessContext()
        before = _current.set(access)
        outcome: Outcome = "error"
        try:
            await self._check(context, token)
            result = await call_next(context)
            outcome = "error" if getattr(result, "is_error", False) else "ok"
            return result
        except Refused:
            outcome = "refused"
            raise
        finally:
            _current.reset(before)
            self._report(context.message.name, token, access, outcome, watch)

    async def on_read_resource(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        return await self._plain("reading a resource", context, call_next)

    async def on_get_prompt(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        return await self._plain("getting a prompt", context, call_next)

    async def _plain(self, what: str, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        try:
            self._rule.check(what, None, _presented_or_refused().scopes)
        except CarnetError as error:
            raise Refused(str(error)) from None
        return await call_next(context)

    async def _check(self, context: MiddlewareContext[Any], token: VerifiedToken) -> None:
        name = context.message.name
        server = context.fastmcp_context.fastmcp if context.fastmcp_context else None
        tool = await server.get_tool(name) if server is not None else None
        try:
            self._rule.check(name, required_by(tool), token.scopes)
        except CarnetError as error:
            raise Refused(str(error)) from None

    def _report(
        self, tool: str, token: VerifiedToken, access: AccessContext, outcome: Outcome, watch: Stopwatch
    ) -> None:
        parent = traceparent()
        trace = parent.split("-")[1] if parent else None
        self._reports.add(Call(token.jti, token.session, tool, outcome, watch.ms(), access.used, trace))


def _presented_or_refused() -> VerifiedToken:
    try:
        return presented()
    except CarnetError as error:
        raise Refused(str(error)) from None
