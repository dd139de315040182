"""Detached servers, known by pid *and* start time, so that a recycled pid is never taken for ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

POLL = 0.05  # seconds between looks at a process that is starting or ending


@dataclass(frozen=True)
class Account:
    """The system user a server runs as; None fields mean the one who started it."""

    uid: int | None = None
    gid: int | None = None
    name: str = ""


@dataclass(frozen=True)
class Running:
    pid: int
    started: str
    kind: str = ""
    port: int = 0

    @property
    def alive(self) -> bool:
        return start_mark(self.pid) == self.started


def boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    except OSError:
        return "unknown"


def start_mark(pid: int) -> str | None:
    """Boot and start tick of a living process; None for a dead one, a zombie included."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the command's name may hold spaces and brackets
    state, start_tick = fields[0], fields[19]
    return None if state in "ZX" else f"{boot_id()}:{start_tick}"


def read_pid(file: Path) -> Running | None:
    """What the file records, when that very process still lives."""
    try:
        running = Running(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return running if running.alive else None


def start(
    command: Sequence[str],
    *,
    pid_file: Path,
    log: Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    account: Account | None = None,
    kind: str = "",
    port: int = 0,
) -> subprocess.Popen[bytes]:
    """Started in a session of its own: a Ctrl-C at the terminal is not its business."""
    account = account or Account()
    with log.open("ab") as out:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=cwd,
            env=dict(env) if env is not None else None,
            start_new_session=True,
            user=account.uid,
            group=account.gid,
            extra_groups=[] if account.uid is not None else None,
        )
    record(pid_file, process.pid, kind, port)
    return process


def record(pid_file: Path, pid: int, kind: str = "", port: int = 0) -> None:
    running = Running(pid, start_mark(pid) or "", kind, port)
    pid_file.write_text(json.dumps(asdict(running)), encoding="utf-8")


def stop(
    pid_file: Path, first: signal.Signals = signal.SIGTERM, patience: float = 8.0, whole_session: bool = False
) -> bool:
    """Ask, wait, insist. True when there was something of ours to stop."""
    running = read_pid(pid_file)
    if running is None:
        pid_file.unlink(missing_ok=True)
        return False
    _signal(running.pid, first, whole_session)
    if not wait_gone(running, patience):
        _signal(running.pid, signal.SIGKILL, whole_session)
        wait_gone(running, 5.0)
    pid_file.unlink(missing_ok=True)
    return True


def wait_gone(running: Running, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while running.alive and time.monotonic() < deadline:
        time.sleep(POLL)
    return not running.alive


def _signal(pid: int, number: signal.Signals, whole_session: bool = False) -> None:
    try:
        (os.killpg if whole_session else os.kill)(pid, number)
    except ProcessLookupError:
        return


def log_size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def last_meaningful_line(log: Path, since: int = 0, size: int = 16384) -> str:
    """The line a person would point at: the last one that speaks of trouble, else the last one at all."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, log_size(log) - size))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return "it wrote no log"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    trouble = ("fatal", "panic", "error", "could not", "cannot", "can't", "no space", "denied")
    worst = [line for line in lines if any(word in line.lower() for word in trouble)]
    return (worst or lines or ["its log is empty"])[-1][:1000]
