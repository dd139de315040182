"""The commands behind the Makefile, run by the virtual environment's Python."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

from kivendtout.devservices import packages
from kivendtout.devservices.home import Home
from kivendtout.devservices.say import sentence_for


def setup(home: Home) -> int:
    packages.ensure(home, [*packages.SERVERS, packages.BROWSER])
    packages.tidy(home)
    print("Everything is set up; `make demo` shows the product, `make test` runs the tests.")
    return 0


def services(home: Home) -> int:
    from kivendtout.devservices.services import start_all

    packages.ensure(home, packages.SERVERS)
    start_all(home)
    print(f"Addresses and secrets: {home.env_file}; logs: {home.logs}. `make stop` stops them.")
    return 0


def stop(home: Home) -> int:
    from kivendtout.devservices.services import stop_all

    stopped = stop_all(home)
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing of ours was running.")
    return 0


COMMANDS: dict[str, Callable[[Home], int]] = {
    "setup": setup,
    "services": services,
    "stop": stop,
}


def main(arguments: list[str]) -> int:
    name = arguments[0] if arguments else ""
    command = COMMANDS.get(name)
    if command is None:
        print(f"Unknown command {name!r}; `make help` lists them.", file=sys.stderr)
        return 2
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
    sys.exit(main(sys.argv[1:]))
