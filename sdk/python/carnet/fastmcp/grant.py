"""The `grant` decorator: credentials for other resources, obtained before the tool runs.

Sits below `@mcp.tool()`. All exchanges of one call run at once. A refusal does
not stop the tool: `.access(resource)` raises it, and what the tool does not
catch reaches the caller as the zone's one line.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

from fastmcp.server.dependencies import get_context

from ..context import AccessContext, Credential, _current
from ..errors import CarnetError, ConfigurationError
from ..exchange import Exchanger
from ..verify import VerifiedToken
from .gate import Refused, presented, traceparent
from .scopes import ScopeRule, mark, required_of

F = TypeVar("F", bound=Callable[..., Any])
STATE = "carnet"


class Grants:
    """Makes the decorators of one server."""

    def __init__(self, exchanger: Exchanger, rule: ScopeRule) -> None:
        self._exchanger, self._rule = exchanger, rule

    def grant(self, wanted: Mapping[str, str | None], requires: str | None) -> Callable[[F], F]:
        def decorate(function: F) -> F:
            _check_position(function)
            needed = requires if requires is not None else required_of(function)
            wrapper = self._wrap(function, dict(wanted), needed)
            mark(wrapper, needed)
            return cast(F, wrapper)

        return decorate

    def _wrap(
        self, function: Callable[..., Any], wanted: dict[str, str | None], requires: str | None
    ) -> Callable[..., Awaitable[Any]]:
        call = _as_async(function)

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                token = presented()
                self._rule.check(function.__name__, requires, token.scopes)
                access = _adopt(await self._obtain(token, wanted))
                before = _current.set(access)
                try:
                    await get_context().set_state(STATE, access, serializable=False)
                    return await call(*args, **kwargs)
                finally:
                    _current.reset(before)
            except CarnetError as error:
                raise Refused(str(error)) from None

        return wrapper

    async def _obtain(self, token: VerifiedToken, wanted: Mapping[str, str | None]) -> AccessContext:
        parent = traceparent()
        results = await asyncio.gather(
            *(
                self._exchanger.exchange_async(token, resource, scope, traceparent=parent)
                for resource, scope in wanted.items()
            ),
            return_exceptions=True,
        )
        credentials: dict[str, Credential] = {}
        errors: dict[str, CarnetError] = {}
        for resource, result in zip(wanted, results, strict=True):
            if isinstance(result, Credential):
                credentials[resource] = result
            elif isinstance(result, CarnetError):
                errors[resource] = result
            else:
                raise result
        return AccessContext(credentials, errors)


def _adopt(obtained: AccessContext) -> AccessContext:
    """Join the context that the gate, or an outer grant of this same call, has set up."""
    current = _current.get()
    if current is None:
        return obtained
    current.merge(obtained)
    return current


def _as_async(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    if inspect.iscoroutinefunction(function):
        return function

    async def in_thread(*args: Any, **kwargs: Any) -> Any:
        # to_thread copies the context variables: the tool sees its own call's access only.
        result = await asyncio.to_thread(function, *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    return in_thread


def _check_position(function: Callable[..., Any]) -> None:
    if hasattr(function, "__fastmcp__") or not callable(function):
        # Registered already: FastMCP would call the tool without this grant.
        raise ConfigurationError("put @mcp.tool() above @auth_provider.grant(…), not below it")
