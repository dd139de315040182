"""Waits until a server answers, or says in one sentence why it never will."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from kivendtout.devservices import processes
from kivendtout.devservices.say import SetupError

PATIENCE = 60.0  # seconds; a server that replays its log after a crash needs some, a hung one needs a limit


def wait_ready(
    name: str,
    answers: Callable[[], bool],
    process: subprocess.Popen[bytes],
    log: Path,
    pid_file: Path,
    log_start: int,
    patience: float = PATIENCE,
) -> None:
    """Leaves nothing half started: what does not come up is stopped and its pid file removed."""
    deadline = time.monotonic() + patience
    try:
        while not answers():
            if process.poll() is not None:
                raise SetupError(f"{name} stopped as it started: {_last(log, log_start)} (log: {log}).")
            if time.monotonic() > deadline:
                raise SetupError(
                    f"{name} gave no answer within {patience:.0f} s: {_last(log, log_start)} (log: {log})."
                )
            time.sleep(processes.POLL)
    except BaseException:
        processes.stop(pid_file)
        raise


def _last(log: Path, log_start: int) -> str:
    return processes.last_meaningful_line(log, since=log_start).rstrip(".")
