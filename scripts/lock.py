"""Writes `requirements/`: every version pinned with its hashes, and no address.

`make lock` resolves again (minutes); `--derive` only recomputes base.txt from all.txt and what is installed;
`--check` writes nothing and fails when base.txt is out of date or a supported Python would miss a package.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"
# Debian 12 has 3.11.2, Ubuntu 24.04 has 3.12.3: markers compare full versions, so both ends are tried.
PYTHONS = ("3.11.2", "3.11.14", "3.12.3", "3.13.5")
BASE_HEADER = "# What the web process needs, and nothing else; derived from all.txt by `make lock`.\n"
OPTIONS = [
    "--generate-hashes",
    "--no-emit-find-links",
    "--no-emit-index-url",
    "--no-emit-trusted-host",
    "--strip-extras",
]


def pins(text: str) -> dict[str, str]:
    """Name to pin with its hashes, comments left out."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", "\n" + text)[1:]
    entries = {}
    for block in blocks:
        lines = [line for line in block.splitlines() if line and not line.lstrip().startswith("#")]
        entries[str(canonicalize_name(lines[0].partition("==")[0]))] = "\n".join(lines)
    return entries


def closure(roots: list[str], pinned: dict[str, str], python: str) -> tuple[set[str], set[str]]:
    """Everything the roots pull in on that Python, and what of it is not pinned."""
    environment = {**_here(), "python_full_version": python, "python_version": python.rpartition(".")[0]}
    seen: dict[str, set[str]] = {}
    missing: set[str] = set()
    todo = [Requirement(root) for root in roots]
    while todo:
        wanted = todo.pop()
        name = str(canonicalize_name(wanted.name))
        fresh = ({""} | wanted.extras) - seen.get(name, set())
        if name not in pinned:
            missing.add(name)
        elif fresh:
            seen[name] = seen.get(name, set()) | fresh
            todo += _requires(name, fresh, environment)
    return set(seen), missing


def _here() -> dict[str, str]:
    return cast("dict[str, str]", default_environment())


def _requires(name: str, extras: set[str], environment: dict[str, str]) -> list[Requirement]:
    try:
        lines = metadata.distribution(name).requires or []
    except metadata.PackageNotFoundError:  # pinned for another Python than this one
        return []
    found = [Requirement(line) for line in lines]
    return [r for r in found if not r.marker or any(r.marker.evaluate(environment | {"extra": e}) for e in extras)]


def derive(project: dict[str, Any], pinned: dict[str, str]) -> str:
    roots = [str(root) for root in project["dependencies"]]
    names: set[str] = set()
    for python in PYTHONS:
        names |= closure(roots, pinned, python)[0]
    return BASE_HEADER + "\n".join(pinned[name] for name in sorted(names)) + "\n"


def holes(project: dict[str, Any], pinned: dict[str, str]) -> list[str]:
    extras = project["optional-dependencies"]
    roots = [*project["dependencies"], *(root for group in extras.values() for root in group)]
    found = {python: closure(roots, pinned, python)[1] for python in PYTHONS}
    return [f"Python {python}: {', '.join(sorted(names))}" for python, names in found.items() if names]


def resolve() -> None:
    with tempfile.TemporaryDirectory() as folder:
        python = str(Path(folder) / "bin" / "python")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "pip-tools"], check=True)
        command = [python, "-m", "piptools", "compile", "-q", "--all-extras", "--allow-unsafe", *OPTIONS]
        subprocess.run([*command, "--output-file=requirements/all.txt", "pyproject.toml"], cwd=ROOT, check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--derive", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if not given.derive and not given.check:
        resolve()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = pins((FOLDER / "all.txt").read_text(encoding="utf-8"))
    missing = holes(project, pinned)
    for line in missing:
        print(f"requirements/all.txt lacks packages on {line}; name them in pyproject.toml.", file=sys.stderr)
    base, text = FOLDER / "base.txt", derive(project, pinned)
    if given.check:
        stale = not base.exists() or base.read_text(encoding="utf-8") != text
        if stale:
            print("requirements/base.txt is out of date; run scripts/lock.py --derive.", file=sys.stderr)
        return 1 if missing or stale else 0
    base.write_text(text, encoding="utf-8")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
