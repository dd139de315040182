"""What every make target runs first, in syntax that an old Python can read, so that it can say what is wrong.

Finds a Python that is new enough, makes the virtual environment, then hands over to `kivendtout.devservices`
inside it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
HERE = Path(__file__).resolve()


def newer_python() -> "str | None":
    """Another Python on this machine that is new enough; asked, because a shim by that name may lead nowhere."""
    question = "import sys; sys.exit(sys.version_info < (3, 11))"
    for name in ("python3.13", "python3.12", "python3.11", "python3.14", "python3"):
        path = shutil.which(name)
        if path and subprocess.call([path, "-c", question], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
            return path
    return None


def main(arguments: "list[str]") -> int:
    if sys.version_info < OLDEST:
        other = newer_python()
        if other is None:
            found = "{}.{}".format(*sys.version_info[:2])
            sys.stderr.write(
                "KiVendTout needs Python 3.11 or newer and found only " + found + "; install python3.11 "
                "(or newer) and run again, or name one: make PYTHON=/path/to/python3.11 ...\n"
            )
            return 1
        os.execv(other, [other, str(HERE), *arguments])
    sys.path[0] = str(HERE.parents[2])
    from kivendtout.devservices.setup_environment import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
