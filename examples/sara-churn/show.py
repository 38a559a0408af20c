"""What the demo says, and whether it was true.

Every line that claims something is an expectation; the exit status is 0 only
if all of them held.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

_BOLD, _DIM, _GREEN, _RED, _OFF = "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m"
COLUMNS = 100


class Show:
    def __init__(self) -> None:
        self._color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._began = time.monotonic()
        self.held = 0
        self.broken: list[str] = []

    def _paint(self, color: str, text: str) -> str:
        return f"{color}{text}{_OFF}" if self._color else text

    def line(self, text: str = "") -> None:
        print(text, flush=True)

    def row(self, number: str, title: str) -> None:
        self.line()
        self.line(self._paint(_BOLD, f"{number:<6}{title}"))

    def note(self, text: str) -> None:
        self.line(self._paint(_DIM, f"    {text}"[:COLUMNS]))

    def expect(self, held: Any, text: str, found: Any = None) -> bool:
        """Say `text`, and remember if it was not so."""
        if held:
            self.held += 1
            self.line(f"    {self._paint(_GREEN, '✓')} {text}"[: COLUMNS + 16])
            return True
        self.broken.append(text)
        self.line(f"    {self._paint(_RED, '✗ NOT SO:')} {text}")
        if found is not None:
            self.line(f"      found: {found}")
        return False

    def close(self) -> int:
        seconds = time.monotonic() - self._began
        self.line()
        if self.broken:
            self.line(self._paint(_RED, f"{len(self.broken)} of {self.held + len(self.broken)} expectations did not hold:"))
            for text in self.broken:
                self.line(f"  ✗ {text}")
            return 1
        self.line(self._paint(_GREEN, f"all {self.held} expectations held, in {seconds:.1f} s"))
        return 0
