"""Makes `.venv` and fills it from the pinned requirements; a stamp inside makes the next time cost milliseconds."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TextIO

from kivendtout.devservices import apt
from kivendtout.devservices.home import Home
from kivendtout.devservices.processes import last_meaningful_line, log_size
from kivendtout.devservices.programs import extracted_root
from kivendtout.devservices.say import SetupError, Step, step

REQUIREMENTS = Path("requirements/all.txt")


def wanted_stamp(home: Home) -> str:
    return hashlib.sha256((home.root / REQUIREMENTS).read_bytes()).hexdigest()


def stamp_file(home: Home) -> Path:
    return home.venv / "kivendtout-requirements"


def unfinished_mark(home: Home) -> Path:
    """There while pip works: an install that was cut off may have left half a package, so all is made anew."""
    return home.venv / "kivendtout-unfinished"


def is_ready(home: Home) -> bool:
    stamp = stamp_file(home)
    return home.python.exists() and stamp.is_file() and stamp.read_text() == wanted_stamp(home)


def ensure(home: Home) -> None:
    if is_ready(home):
        return
    home.prepare()
    if unfinished_mark(home).exists() or not _works(home):
        with step("Python environment") as line:
            _make(home)
            line.note = f"Python {sys.version_info[0]}.{sys.version_info[1]} in .venv"
    with step("Python packages") as line:
        _install(home, line)
        line.note = f"from {REQUIREMENTS}"
    stamp_file(home).write_text(wanted_stamp(home))


def _works(home: Home) -> bool:
    """Exists, starts (its base Python may be gone) and has pip."""
    command = [str(home.python), "-c", "import pip"]
    return home.python.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0


def _make(home: Home) -> None:
    has_pip = importlib.util.find_spec("ensurepip") is not None
    wheel = None
    if not has_pip:
        wheel = _pip_from_the_system(home)
        has_pip = wheel is None
    command = [sys.executable, "-m", "venv", "--clear", *([] if has_pip else ["--without-pip"]), str(home.venv)]
    _run(home, command, "The Python environment could not be made")
    if wheel is not None:
        # A wheel is a zip file that Python can run from: pip installs itself.
        command = [str(home.python), f"{wheel}/pip", "install", "--no-index", "--no-deps", str(wheel)]
        _run(home, command, "pip could not be installed")


def _pip_from_the_system(home: Home) -> Path | None:
    """Debian keeps ensurepip in a package of its own. None: it is installed now; a path: pip's wheel."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if not apt.available():
        raise SetupError(
            f"Python {version} has no pip and no ensurepip here; install them (python3-venv), then run again."
        )
    home.tools.mkdir(exist_ok=True)
    is_root = apt.is_root()
    apt.install(home, [f"python{version}-venv" if is_root else "python3-pip-whl"])
    if is_root:
        return None
    wheels = sorted(extracted_root(home).glob("usr/share/python-wheels/pip-*.whl"))
    if not wheels:
        raise SetupError(
            "The package python3-pip-whl held no pip; ask for python3-venv to be installed, then run again."
        )
    return wheels[-1]


def _install(home: Home, line: Step) -> None:
    unfinished_mark(home).touch()
    command = [str(home.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    # The file names everything there is to install; older versions of pip, asked to look for more, miss the pin of a
    # package that another one wants with an extra.
    command += ["--progress-bar", "off", "--no-deps", "--require-hashes", "-r", str(home.root / REQUIREMENTS)]
    _run(home, command, "The Python packages could not be installed", line)
    unfinished_mark(home).unlink()


def _follow(process: subprocess.Popen[str], out: TextIO, line: Step | None) -> None:
    assert process.stdout is not None
    for said in process.stdout:
        out.write(said)
        if line is not None and said.startswith(("Collecting", "Downloading", "Installing", "Building")):
            line.note = said.split(" (from ")[0].strip()


def _run(home: Home, command: list[str], trouble: str, line: Step | None = None) -> None:
    log = home.logs / "pip.log"
    before = log_size(log)
    with log.open("a", encoding="utf-8") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            _follow(process, out, line)
        except BaseException:  # Ctrl-C, or no room left for the log itself
            process.kill()
            process.wait()
            raise
    if process.wait():
        why = last_meaningful_line(log, since=before).rstrip(".")
        raise SetupError(f"{trouble}: {why}; check the network and the disk, then run again (log: {log}).")
