"""The virtual environment and the programs; the standard library only, as nothing else is here yet."""

from __future__ import annotations

import os
import sys
import traceback

from kivendtout.devservices import virtualenv
from kivendtout.devservices.home import Home
from kivendtout.devservices.say import sentence_for


def run(arguments: list[str]) -> int:
    home = Home()
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
