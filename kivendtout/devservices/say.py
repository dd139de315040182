"""What the set-up prints: one line a step with its time, one sentence when something is wrong."""

from __future__ import annotations

import errno
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class SetupError(Exception):
    """Something the person at the keyboard can put right; the message is one sentence that says how."""


class Step:
    """One line of progress. On a terminal the line ticks; elsewhere it is printed when it starts and when it ends."""

    TICK = 0.5  # seconds between repaints: alive to the eye, nothing to the processor
    TOLD = 20.0  # seconds between lines where there is no terminal to repaint

    def __init__(self, name: str, out: TextIO) -> None:
        self.name, self.out = name, out
        self.note = ""
        self.live = out.isatty()
        self.began = time.monotonic()
        self._done = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def start(self) -> None:
        if not self.live:
            print(f"  … {self.name}", file=self.out, flush=True)
        self._ticker.start()

    def _tick(self) -> None:
        while not self._done.wait(self.TICK if self.live else self.TOLD):
            self._paint("…", "" if self.live else "\n")

    def _paint(self, mark: str, end: str) -> None:
        start = "\r\x1b[2K" if self.live else ""
        width = 110 if not self.live else 100
        line = f"  {mark} {self.name:<22} {time.monotonic() - self.began:6.1f} s  {self.note}"
        print(start + line[:width], end=end, file=self.out, flush=True)

    def end(self, ok: bool) -> None:
        self._done.set()
        if self._ticker.is_alive():
            self._ticker.join()
        self._paint("✓" if ok else "✗", "\n")


@contextmanager
def step(name: str, out: TextIO | None = None) -> Iterator[Step]:
    line = Step(name, out or sys.stdout)
    line.start()
    try:
        yield line
    except BaseException:
        line.note = "failed"
        line.end(ok=False)
        raise
    line.end(ok=True)


def sentence_for(error: BaseException) -> str:
    """One sentence for whatever went wrong, with the next thing to do."""
    if isinstance(error, SetupError):
        return str(error)
    if isinstance(error, OSError):
        return _os_sentence(error)
    return f"Something unforeseen happened ({type(error).__name__}: {error}); run again with KVT_DEBUG=1 to see where."


def _os_sentence(error: OSError) -> str:
    where = f" at {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full{where}; free some space and run the same command again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"Permission denied{where}; give your user write access to it, or run as the user who owns this folder."
    return f"The system refused{where}: {error.strerror or error}; put that right and run the same command again."
