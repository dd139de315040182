from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from kivendtout.devservices import processes
from kivendtout.devservices.parent import holds_back

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


def _start(tmp_path: Path, command: list[str]) -> tuple[subprocess.Popen[bytes], Path]:
    pid_file = tmp_path / "x.json"
    process = processes.start(command, pid_file=pid_file, log=tmp_path / "x.log", cwd=tmp_path, port=7)
    return process, pid_file


def test_a_started_process_is_known_by_its_pid_file_and_stops(tmp_path: Path) -> None:
    process, pid_file = _start(tmp_path, SLEEPER)
    running = processes.read_pid(pid_file)
    assert running is not None
    assert (running.pid, running.port) == (process.pid, 7)
    assert processes.stop(pid_file)
    assert process.wait(5) == -signal.SIGTERM
    assert not pid_file.exists()


def test_it_runs_in_a_session_of_its_own(tmp_path: Path) -> None:
    process, pid_file = _start(tmp_path, SLEEPER)
    assert os.getsid(process.pid) == process.pid
    processes.stop(pid_file)
    process.wait(5)


def test_a_recycled_pid_is_not_taken_for_ours_and_never_killed(tmp_path: Path) -> None:
    stranger = subprocess.Popen(SLEEPER)
    try:
        pid_file = tmp_path / "x.json"
        pid_file.write_text(json.dumps({"pid": stranger.pid, "started": "another boot:1", "kind": "", "port": 0}))
        assert processes.read_pid(pid_file) is None
        assert not processes.stop(pid_file)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_zombie_counts_as_gone(tmp_path: Path) -> None:
    process, pid_file = _start(tmp_path, [sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert processes.start_mark(process.pid) is None
    assert processes.read_pid(pid_file) is None
    process.wait()


def test_one_that_will_not_end_is_killed(tmp_path: Path) -> None:
    process, pid_file = _start(tmp_path, DEAF)
    while "up" not in (tmp_path / "x.log").read_text():
        assert process.poll() is None
    assert processes.stop(pid_file, patience=0.2)
    assert process.wait(5) == -signal.SIGKILL


def test_a_torn_pid_file_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"pid": 1')
    assert processes.read_pid(tmp_path / "x.json") is None


def test_the_log_line_shown_is_the_one_about_the_trouble(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("ERROR: from the last time\n")
    start = processes.log_size(log)
    with log.open("a") as file:
        file.write("LOG: starting\nFATAL:  could not bind\nLOG: shut down\n\n")
    assert processes.last_meaningful_line(log, since=start) == "FATAL:  could not bind"
    assert processes.last_meaningful_line(tmp_path / "none.log") == "it wrote no log"


def test_a_process_that_holds_back_the_interrupt_is_recognised() -> None:
    code = "import signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert holds_back(process.pid, signal.SIGINT)
        process.kill()
    assert not holds_back(os.getpid(), signal.SIGINT)
