"""Runs the demo's processes in the foreground: one log, bounded restarts, and everything gone at the end."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kivendtout.devservices import logline, parent, processes
from kivendtout.devservices.home import Home
from kivendtout.devservices.say import SetupError

RESTARTS = 3
BACK_OFF = (1.0, 3.0, 8.0)  # seconds before each restart
STEADY = 120.0  # seconds of life after which earlier falls are forgiven
GRACE = 5.0  # seconds to end by themselves; with the services' own stop it stays under ten


@dataclass
class Child:
    name: str
    command: list[str]
    env: Mapping[str, str] = field(default_factory=dict)
    falls: int = 0
    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    restart_at: float | None = None
    rest: bytes = b""  # an unfinished line
    last: str = ""  # what it said last, for the report of its death


class Supervisor:
    def __init__(self, home: Home, children: list[Child]) -> None:
        self.home, self.children = home, children
        self.colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.stopping = False
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = os.pipe()
        os.set_blocking(self._wake_out, False)
        self._selector.register(self._wake_in, selectors.EVENT_READ, None)
        self._parent = parent.Parent()

    def request_stop(self, *_: object) -> None:
        """Safe in a signal handler. Asked twice, it stops asking the children politely."""
        if self.stopping:
            self._signal_all(signal.SIGKILL)
        self.stopping = True
        os.write(self._wake_out, b"x")

    def say(self, name: str, message: str) -> None:
        order = next((n for n, child in enumerate(self.children) if child.name == name), len(self.children))
        print(logline.render(name, message, order, self.colour), flush=True)

    # --- life ---------------------------------------------------------------------------------------------------------
    def start(self, child: Child) -> None:
        child.process = subprocess.Popen(
            child.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.home.root,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PROCESS_NAME": child.name, **child.env},
            start_new_session=True,  # a Ctrl-C is ours to pass on, in order
        )
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)
        child.since, child.restart_at = time.monotonic(), None
        processes.record(self._pid_file(child), child.process.pid)

    def start_all(self) -> None:
        for child in self.children:
            self._log_file(child).write_bytes(b"")
            self.start(child)

    def run(self, until: Callable[[], bool] | None = None) -> None:
        """Until a stop is asked for, or `until` is true. SetupError when a child keeps falling."""
        while not self.stopping and not (until and until()):
            self._turn(0.25)
            self._care()
            if self._parent.gave_up():
                self.stopping = True

    def _turn(self, patience: float) -> None:
        for key, _ in self._selector.select(patience):
            if key.data is None:
                os.read(self._wake_in, 512)
            else:
                self._read(key.data)

    def _care(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._fallen(child, now)
            elif child.restart_at is not None and now >= child.restart_at:
                self.start(child)

    def _fallen(self, child: Child, now: float) -> None:
        assert child.process is not None
        self._read(child)
        how = _how_it_ended(child.process.returncode)
        _signal_session(child, signal.SIGKILL)  # a worker's pool must not outlive it
        self._forget(child)
        child.falls = 1 if now - child.since > STEADY else child.falls + 1
        if child.falls > RESTARTS:
            raise SetupError(
                f"The process `{child.name}` {how} {child.falls} times; it said last: {child.last or 'nothing'} "
                f"(log: {self._log_file(child)})."
            )
        wait = BACK_OFF[child.falls - 1]
        self.say(child.name, f"{how}; restart {child.falls} of {RESTARTS} in {wait:.0f} s")
        child.restart_at = now + wait

    # --- its words ----------------------------------------------------------------------------------------------------
    def _read(self, child: Child) -> None:
        assert child.process is not None and child.process.stdout is not None
        try:
            data = os.read(child.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return
        if not data:
            self._unregister(child.process.stdout)
            return
        with self._log_file(child).open("ab") as log:
            log.write(data)
        *lines, child.rest = (child.rest + data).split(b"\n")
        for line in lines:
            message = logline.condense(line.decode("utf-8", errors="replace"))
            if message.strip():
                child.last = message.strip()
                self.say(child.name, message)

    # --- its end ------------------------------------------------------------------------------------------------------
    def stop_all(self) -> None:
        """The last started is asked first; whoever is left after the grace is not asked again."""
        self.stopping = True
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while self._living() and time.monotonic() < deadline:
            self._turn(0.1)
        for child in self._living():
            self.say(child.name, f"did not end within {GRACE:.0f} s and is killed")
        self._signal_all(signal.SIGKILL)
        for child in self.children:
            if child.process is not None:
                child.process.wait()
                self._read(child)
                self._forget(child)

    def _living(self) -> list[Child]:
        return [child for child in self.children if child.process is not None and child.process.poll() is None]

    def _signal_all(self, number: signal.Signals) -> None:
        """To the whole session of each: a worker's pool ends with it."""
        for child in reversed(self.children):
            _signal_session(child, number)

    def _forget(self, child: Child) -> None:
        assert child.process is not None and child.process.stdout is not None
        self._unregister(child.process.stdout)
        child.process.stdout.close()
        child.process = None
        self._pid_file(child).unlink(missing_ok=True)

    def _unregister(self, stream: object) -> None:
        if stream in {key.fileobj for key in self._selector.get_map().values()}:
            self._selector.unregister(stream)

    def _pid_file(self, child: Child) -> Path:
        return self.home.run / f"demo-{child.name}.json"

    def _log_file(self, child: Child) -> Path:
        return self.home.logs / f"demo-{child.name}.log"


def _signal_session(child: Child, number: signal.Signals) -> None:
    if child.process is None:
        return
    try:
        os.killpg(child.process.pid, number)
    except ProcessLookupError:
        return


def _how_it_ended(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
