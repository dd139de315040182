"""Static files and messages are made again only when what they are made from has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from kivendtout.devservices.commands import manage, run
from kivendtout.devservices.home import Home
from kivendtout.devservices.say import Step


def collect(home: Home, line: Step) -> None:
    mark = home.services / "static.stamp"
    wanted = _fingerprint([home.root / "static", *home.root.glob("apps/*/static")], home.root / "requirements/all.txt")
    collected = home.root / "staticfiles"
    if collected.is_dir() and mark.exists() and mark.read_text() == wanted:
        line.note = "up to date"
        return
    manage(home, "collectstatic", "--noinput", "--clear", "-v", "0", line=line)
    mark.write_text(wanted)
    line.note = "collected"


def compile_messages(home: Home, line: Step) -> None:
    """By our own compiler, which needs no gettext; it takes a fraction of a second, so it always runs."""
    run(home, [str(home.python), "-m", "kivendtout.lib.messages", "compile"], "Compiling the messages", line=line)
    line.note = "compiled"


def _fingerprint(folders: list[Path], *files: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted([*files, *(path for folder in folders for path in folder.rglob("*") if path.is_file())]):
        info = file.stat()
        digest.update(f"{file}:{info.st_size}:{info.st_mtime_ns}\n".encode())
    return digest.hexdigest()
