"""Knows when whoever started us is gone, or has been interrupted and only waits for us to end.

`make` that is sent SIGINT by itself (not through the terminal, which would tell us too) passes nothing on: it
waits for its recipe for ever. From outside, that state shows: it then holds SIGINT blocked.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


class Parent:
    EVERY = 1.0  # seconds between looks

    def __init__(self) -> None:
        self.pid = os.getppid()
        self.is_make = _field(self.pid, "Name") in {"make", "gmake"}
        self._next = 0.0

    def gave_up(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self.EVERY
        if not self.is_make:  # a shell or a service manager may well leave us behind on purpose
            return False
        return os.getppid() != self.pid or holds_back(self.pid, signal.SIGINT)


def holds_back(pid: int, number: signal.Signals) -> bool:
    return bool(int(_field(pid, "SigBlk") or "0", 16) >> (number - 1) & 1)


def _field(pid: int, name: str) -> str:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:")), "")
