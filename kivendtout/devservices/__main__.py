"""The commands behind the Makefile, run by the virtual environment's Python."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable

from kivendtout.devservices import demo, keys, packages, tasks
from kivendtout.devservices.home import Home
from kivendtout.devservices.say import SetupError, sentence_for
from kivendtout.devservices.services import start_all, stop_all


def setup(home: Home) -> int:
    packages.ensure(home, [*packages.SERVERS, packages.BROWSER])
    packages.tidy(home)
    print("Everything is set up; `make demo` shows the product, `make test` runs the tests.")
    return 0


def services(home: Home) -> int:
    packages.ensure(home, packages.SERVERS)
    start_all(home)
    if not keys.ring_of(home).exists():
        _make_keys(home)
    print(f"Addresses and secrets: {home.env_file}; logs: {home.logs}. `make stop` stops them.")
    return 0


def _make_keys(home: Home) -> None:
    """The services serve without it; code that does not import just now must not keep them from starting."""
    try:
        keys.ensure(home)
    except SetupError as error:
        print(f"    {error}\n    The services run; `manage.py rotate_keys --create` makes the key ring later.")


def stop(home: Home) -> int:
    stopped = ["the demo"] if demo.stop_running(home) else []
    stopped += stop_all(home)
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing of ours was running.")
    return 0


def lock(home: Home) -> int:
    os.execv(sys.executable, [sys.executable, str(home.root / "scripts" / "lock.py")])


COMMANDS: dict[str, Callable[[Home], int]] = {
    "setup": setup,
    "services": services,
    "stop": stop,
    "demo": demo.run,
    "test": tasks.test,
    "check": tasks.check,
    "bench": tasks.bench,
    "chaos": tasks.chaos,
    "lock": lock,
}


def main(arguments: list[str]) -> int:
    name = arguments[0] if arguments else ""
    command = COMMANDS.get(name)
    if command is None:
        print(f"Unknown command {name!r}; `make help` lists them.", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as a Ctrl-C does: what was begun is undone
    try:
        return command(Home())
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("KVT_DEBUG"):
            traceback.print_exc()
        print(sentence_for(error), file=sys.stderr)
        return 1


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without UTF-8 still gets its log
    sys.exit(main(sys.argv[1:]))
