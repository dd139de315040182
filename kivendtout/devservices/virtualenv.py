"""Makes `.venv` and fills it from the pinned requirements; a stamp inside makes the next time cost milliseconds."""

from __future__ import annotations

import hashlib
import subprocess
import sys

from kivendtout.devservices.home import Home
from kivendtout.devservices.say import SetupError, step

REQUIREMENTS = "all.txt"


def stamp_of(home: Home) -> str:
    pins = (home.root / "requirements" / REQUIREMENTS).read_bytes()
    return hashlib.sha256(pins).hexdigest()


def is_ready(home: Home) -> bool:
    stamp = home.venv / "kivendtout-requirements"
    return home.python.exists() and stamp.is_file() and stamp.read_text() == stamp_of(home)


def ensure(home: Home) -> None:
    if is_ready(home):
        return
    with step("Python environment") as line:
        if not works([str(home.python), "-m", "pip", "--version"]):
            make(home)
        line.note = f"Python {sys.version_info[0]}.{sys.version_info[1]} in .venv"
    with step("Python packages") as line:
        install(home)
        line.note = f"from requirements/{REQUIREMENTS}"
    (home.venv / "kivendtout-requirements").write_text(stamp_of(home))


def works(command: list[str]) -> bool:
    try:
        return (
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
        )
    except OSError:
        return False


def make(home: Home) -> None:
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", str(home.venv)], capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"The Python environment could not be made: {done.stderr}")


def install(home: Home) -> None:
    pins = home.root / "requirements" / REQUIREMENTS
    command = [str(home.python), "-m", "pip", "install", "--require-hashes", "-q", "-r", str(pins)]
    if subprocess.run(command, check=False).returncode:
        raise SetupError("pip could not install")
