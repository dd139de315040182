"""Processor time by process, from /proc: what stays comparable while other work runs on the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg

TICK = os.sysconf("SC_CLK_TCK")


def seconds_of(pid: int) -> float:
    """Own time and that of children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(value) for value in fields[11:15]) / TICK


def family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def seconds_of_all(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        for one in family(pid):
            try:
                total += seconds_of(one)
            except FileNotFoundError:
                continue
    return total


def memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def postmaster(url: str) -> int:
    """The server's first process; it must run on this machine."""
    with psycopg.connect(url) as connection:
        pid = connection.info.backend_pid
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
