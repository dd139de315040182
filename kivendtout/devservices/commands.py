"""Runs one command to its end, quietly: its words go to a log and into the step's line, its failure is a sentence."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from kivendtout.devservices.home import Home
from kivendtout.devservices.logline import condense
from kivendtout.devservices.processes import last_meaningful_line, log_size
from kivendtout.devservices.say import SetupError, Step


def manage(home: Home, *arguments: str, line: Step | None = None) -> str:
    """A management command; what it printed on standard output."""
    return run(home, [str(home.python), "manage.py", *arguments], f"`manage.py {arguments[0]}`", line=line)


def run(
    home: Home, command: list[str], what: str, *, line: Step | None = None, env: Mapping[str, str] | None = None
) -> str:
    log = home.logs / "commands.log"
    before = log_size(log)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home.root,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
        start_new_session=True,  # a Ctrl-C is passed on below, once
    )
    assert process.stdout is not None and process.stderr is not None
    reader = threading.Thread(target=_follow, args=(process.stderr, log, line), daemon=True)
    reader.start()
    try:
        output = process.stdout.read().decode("utf-8", errors="replace")
        code = process.wait()
    except BaseException:
        process.terminate()
        _wait_or_kill(process)
        raise
    reader.join(timeout=5)
    if code:
        with log.open("a", encoding="utf-8") as file:
            file.write(output)
        why = condense(last_meaningful_line(log, since=before)).removeprefix("CommandError: ").rstrip(".")
        raise SetupError(f"{what} failed: {why} (log: {log}).")
    return output


def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _follow(stream: IO[bytes], log: Path, line: Step | None) -> None:
    """Progress bars redraw themselves with carriage returns; each redraw is a line here."""
    with log.open("ab") as file:
        rest = b""
        while data := os.read(stream.fileno(), 8192):
            file.write(data)
            *parts, rest = (rest + data).replace(b"\r", b"\n").split(b"\n")
            told = [part.decode("utf-8", errors="replace").strip() for part in parts if part.strip()]
            if told and line is not None:
                line.note = told[-1]
