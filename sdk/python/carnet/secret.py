"""A string that does not leak.

`Secret` keeps a token out of repr, str, format, logs, tracebacks that print
locals, JSON and pickle. The only way to the text is `reveal()`.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, NoReturn


class Secret:
    """Holds one secret string. Equal by content, compared in constant time."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def digest(self) -> str:
        """SHA-256 of the secret: fit to be a dictionary key, useless as a credential."""
        return hashlib.sha256(self._text.encode()).hexdigest()

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self.digest())

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Secret is neither pickled nor copied")


class Form(dict[str, str]):
    """Request parameters of which only the names are ever shown."""

    def __repr__(self) -> str:
        return f"Form({', '.join(self)})"

    __str__ = __repr__
