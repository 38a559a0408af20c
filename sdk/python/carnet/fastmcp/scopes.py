"""Which scope of this server a tool needs (delegation rule: else classes bind nothing)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..credentials import Resource
from ..errors import MissingScope

_MARK = "__carnet_requires__"


class ScopeRule:
    """A tool needs the scope it names, else one of the resource's default scopes."""

    def __init__(self, resource: Resource) -> None:
        self._defaults = frozenset(resource.default_scopes)
        # A resource that has scopes but no defaults opens nothing by default.
        self._scopeless = not self._defaults and not resource.scopes

    def check(self, tool: str, requires: str | None, held: Iterable[str]) -> None:
        scopes = frozenset(held)
        if requires is not None:
            if requires not in scopes:
                raise MissingScope(tool, requires)
        elif not self._scopeless and self._defaults.isdisjoint(scopes):
            raise MissingScope(tool, " or ".join(sorted(self._defaults)) or "a scope of its own (requires=…)")


def mark(function: Callable[..., Any], requires: str | None) -> None:
    if requires is not None:
        setattr(function, _MARK, requires)


def required_by(tool: Any) -> str | None:
    """The scope that a FastMCP tool was decorated with, through whatever wraps it."""
    seen = 0
    while tool is not None and seen < 16:
        named = getattr(getattr(tool, "fn", None), _MARK, None)
        if isinstance(named, str):
            return named
        tool, seen = getattr(tool, "parent_tool", None), seen + 1
    return None


def required_of(function: Callable[..., Any]) -> str | None:
    named = getattr(function, _MARK, None)
    return named if isinstance(named, str) else None
