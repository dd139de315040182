"""What every target needs first: the virtual environment. The standard library only, as nothing else is here yet."""

from __future__ import annotations

import os
import signal
import sys
import traceback

from kivendtout.devservices import helptext, processes, virtualenv
from kivendtout.devservices.home import Home
from kivendtout.devservices.say import sentence_for


def _stop_without_environment(home: Home) -> int:
    """The environment was deleted while its services ran; making it anew only to stop them would be odd."""
    files = sorted(home.run.glob("*.json"))
    stopped = [file.stem for file in files if processes.stop(file, signal.SIGINT)]
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing of ours was running.")
    return 0


def run(arguments: list[str]) -> int:
    home = Home()
    name = arguments[0] if arguments else "help"
    if name == "help":
        print(helptext.text())
        return 0
    if name == "stop" and not home.python.exists():
        return _stop_without_environment(home)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as a Ctrl-C does: tidily
    try:
        virtualenv.ensure(home)
    except KeyboardInterrupt:
        print("\nInterrupted; run the same command again to go on.", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("KVT_DEBUG"):
            traceback.print_exc()
        print(sentence_for(error), file=sys.stderr)
        return 1
    os.chdir(home.root)
    os.execv(str(home.python), [str(home.python), "-m", "kivendtout.devservices", *arguments])
    return 0
