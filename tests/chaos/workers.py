"""Celery workers as production starts them, each a process group that can be killed and frozen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from kivendtout.env import BASE_DIR

OPTIONS = ("--pool", "threads", "--concurrency", "1", "--without-gossip", "--without-mingle")


class Worker:
    def __init__(self, name: str, queue: str, env: Mapping[str, str], folder: Path) -> None:
        self.name, self.env, self.log = name, env, folder / f"{name}.log"
        self.command = [sys.executable, "-m", "celery", "--quiet", "-A", "celery_worker", "worker"]
        self.command += ["--loglevel", "INFO", "-Q", queue, "-n", f"{name}@%h", *OPTIONS]
        if queue == "jobs":
            self.command += ["--beat", "--schedule", str(folder / "beat-schedule")]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=BASE_DIR, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def send(self, number: int) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.send(signal.SIGKILL)
            self.process.wait(30)
            self.process = None

    def ended_by_itself(self) -> int | None:
        """Its exit status; nobody killed it."""
        return None if self.process is None else self.process.poll()

    def says(self, word: str) -> bool:
        return self.log.exists() and word in self.log.read_text(errors="replace")
