"""Static files and messages are made again only when what they are made from has changed."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from kivendtout.devservices.commands import manage
from kivendtout.devservices.home import Home
from kivendtout.devservices.say import SetupError, Step


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
    """Compiled messages come with the project; only edited ones need gettext."""
    stale = [po for po in home.root.glob("locale/*/LC_MESSAGES/*.po") if _is_stale(po)]
    if not stale:
        line.note = "up to date"
        return
    if shutil.which("msgfmt") is None:
        if all(po.with_suffix(".mo").exists() for po in stale):
            line.note = "edited, but gettext is not installed: the former ones are used"
            return
        raise SetupError("The translations are not compiled; install the package `gettext` and run again.")
    manage(home, "compilemessages", "-v", "0", "--ignore", ".venv", line=line)
    line.note = "compiled"


def _is_stale(po: Path) -> bool:
    """A fresh clone writes all files within moments, so a difference that small means nothing."""
    mo = po.with_suffix(".mo")
    return not mo.exists() or po.stat().st_mtime > mo.stat().st_mtime + 60


def _fingerprint(folders: list[Path], *files: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted([*files, *(path for folder in folders for path in folder.rglob("*") if path.is_file())]):
        info = file.stat()
        digest.update(f"{file}:{info.st_size}:{info.st_mtime_ns}\n".encode())
    return digest.hexdigest()
