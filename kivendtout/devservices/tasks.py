"""`make test`, `check` and `bench` start services when needed and stop those they started; `make chaos` has its own."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kivendtout.devservices import apt, keys, packages
from kivendtout.devservices.assets import compile_messages
from kivendtout.devservices.home import Home
from kivendtout.devservices.programs import find_browser
from kivendtout.devservices.say import step
from kivendtout.devservices.services import start_all, stop_all

WORKERS = "2"  # processes for the tests: the smallest machine this is promised for has two cores


def test(home: Home) -> int:
    # Unpacked without root, Debian's Chromium starts and then crashes: the system's own, or none.
    packages.ensure(home, [*packages.SERVERS, *([packages.BROWSER] if apt.is_root() else [])])
    browser = find_browser(home)
    if browser is None:
        print("  Chromium is not installed, so browser tests are off: have the package `chromium` installed for them.")
    env = {"CHROMIUM": str(browser)} if browser and not os.environ.get("CHROMIUM") else {}
    with _services(home):
        with step("Translations") as line:
            compile_messages(home, line)
        return _foreground([str(home.python), "-m", "pytest", "-n", WORKERS, *_arguments()], env)


def bench(home: Home) -> int:
    packages.ensure(home, packages.SERVERS)
    with _services(home):
        keys.ensure(home)
        return _foreground([str(home.python), "-m", "benchmarks", *_arguments()])


def chaos(home: Home) -> int:
    """On servers of its own: those of `make services` may have somebody's data in them."""
    packages.ensure(home, packages.SERVERS)
    return _foreground([str(home.python), "-m", "tests.chaos", *_arguments()])


def check(home: Home) -> int:
    """Every check runs, whatever the others say; their words are shown only when they complain."""
    packages.ensure(home, packages.SERVERS)
    with _services(home):
        failed = [name for name, command in checks(home).items() if not _passes(name, command)]
    print(f"{len(failed)} of the checks failed: {', '.join(failed)}." if failed else "Every check passed.")
    return 1 if failed else 0


def checks(home: Home) -> dict[str, list[str]]:
    tool = home.venv / "bin"
    python = str(home.python)
    return {
        "ruff check": [str(tool / "ruff"), "check", "."],
        "ruff format": [str(tool / "ruff"), "format", "--check", "."],
        "types": [str(tool / "mypy"), "kivendtout", "apps", "celery_worker"],
        "import directions": [str(tool / "lint-imports")],
        # Lint only: the formatter puts line ends inside titles and buttons, where they show.
        "templates": [str(tool / "djlint"), "templates", "--lint", "--quiet"],
        "migrations": [python, "manage.py", "makemigrations", "--check", "--dry-run"],
        "messages": [python, "-m", "kivendtout.lib.messages", "check"],
        "data dictionary": [python, "manage.py", "data_dictionary", "--check"],
        "feature catalogue": [python, "manage.py", "feature_catalogue", "--check"],
        "event schemas": [python, "manage.py", "event_schemas", "--check"],
        "requirements": [python, "scripts/lock.py", "--check"],
    }


def _passes(name: str, command: list[str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(f"  {'✗' if done.returncode else '✓'} {name:<22} {time.monotonic() - began:6.1f} s", flush=True)
    if done.returncode:
        print("\n".join(f"    {line}" for line in done.stdout.splitlines()), flush=True)
    return done.returncode == 0


@contextmanager
def _services(home: Home) -> Iterator[None]:
    started = start_all(home)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is being stopped is stopped wholly
        stop_all(home, started)


def _arguments() -> list[str]:
    """`make test ARGS="tests/payments -k month"`"""
    return shlex.split(os.environ.get("ARGS", ""))


def _foreground(command: list[str], env: dict[str, str] | None = None) -> int:
    """In our own process group, so that a Ctrl-C reaches it; SIGTERM is passed on."""
    process = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            print("\nStopping.", file=sys.stderr)
