"""A bar on a terminal, a line per file elsewhere. On standard error: standard output belongs to the result."""

from __future__ import annotations

import sys
import time
from typing import TextIO

WIDTH = 28
# Often enough to look alive, seldom enough to cost nothing.
EVERY_SECONDS = 0.2


class Progress:
    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.live = not quiet and self.stream.isatty()
        self._shown = 0.0
        self._since = time.monotonic()
        self._name = ""

    def begin(self, name: str) -> None:
        self._name, self._since = name, time.monotonic()
        if self.live:
            self._draw(0.0, 0)

    def move(self, share: float, rows: int) -> None:
        if self.live and time.monotonic() - self._shown >= EVERY_SECONDS:
            self._draw(share, rows)

    def end(self, rows: int) -> None:
        if self.live:
            self._draw(1.0, rows)
            self.stream.write("\n")
        elif not self.quiet:
            self.stream.write(f"{self._name:<18} {rows:>12,} rows {self._rate(rows):>10,.0f} rows/s\n")
        self.stream.flush()

    def say(self, line: str) -> None:
        if not self.quiet:
            self.stream.write(f"{line}\n")
            self.stream.flush()

    def _rate(self, rows: int) -> float:
        return rows / max(time.monotonic() - self._since, 1e-6)

    def _draw(self, share: float, rows: int) -> None:
        self._shown = time.monotonic()
        bar = "█" * round(share * WIDTH)
        text = f"\r{self._name:<18} {bar:<{WIDTH}} {share:>4.0%} {rows:>12,} rows {self._rate(rows):>10,.0f} rows/s"
        self.stream.write(text)
        self.stream.flush()
