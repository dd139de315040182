from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from kivendtout.devservices import supervisor
from kivendtout.devservices.home import Home
from kivendtout.devservices.say import SetupError
from kivendtout.devservices.supervisor import Child, Supervisor


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.prepare()
    return made


def _child(name: str, code: str) -> Child:
    return Child(name, [sys.executable, "-c", code])


def _deadline(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def test_every_line_reaches_the_one_log_under_its_name(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    boss = Supervisor(home, [_child("web", "print('hello'); import time; time.sleep(60)")])
    boss.start_all()
    end = _deadline()
    boss.run(until=lambda: bool(boss.children[0].last) or time.monotonic() > end)
    boss.stop_all()
    assert "web      hello" in capsys.readouterr().out
    assert (home.logs / "demo-web.log").read_text() == "hello\n"


def test_one_that_keeps_falling_ends_the_demo_with_the_reason(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "BACK_OFF", (0.01, 0.01, 0.01))
    boss = Supervisor(home, [_child("jobs", "import sys; print('no broker'); sys.exit(3)")])
    boss.start_all()
    with pytest.raises(SetupError, match="`jobs` ended with status 3 4 times; it said last: no broker"):
        boss.run()
    boss.stop_all()


def test_a_fall_is_reported_and_the_child_started_again(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import os, sys, time; p='once'; sys.exit(1) if not os.path.exists(p) and open(p, 'w') else time.sleep(60)"
    boss = Supervisor(home, [_child("stream", code)])
    boss.start_all()
    end = _deadline()
    boss.run(
        until=lambda: (boss.children[0].falls == 1 and boss.children[0].process is not None) or time.monotonic() > end
    )
    boss.stop_all()
    assert "ended with status 1; restart 1 of 3 in 1 s" in capsys.readouterr().out


def test_stopping_ends_a_whole_family_and_removes_its_pid_files(home: Home) -> None:
    sleeper = "import time; print(1, flush=True); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {sleeper!r}])"
    boss = Supervisor(home, [_child("one", code), _child("two", "import time; time.sleep(60)")])
    boss.start_all()
    end = _deadline()
    boss.run(until=lambda: boss.children[0].last == "1" or time.monotonic() > end)
    began = time.monotonic()
    boss.stop_all()
    assert time.monotonic() - began < supervisor.GRACE
    assert list(home.run.glob("*.json")) == []
    assert all(child.process is None for child in boss.children)


def test_a_request_to_stop_ends_the_loop(home: Home) -> None:
    boss = Supervisor(home, [_child("web", "import time; time.sleep(60)")])
    boss.start_all()
    boss.request_stop()
    boss.run()
    boss.stop_all()
    assert boss.stopping
