"""`.services/env`: KEY=VALUE lines, addresses and secrets, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

HEADER = "# Written by `make services`. Addresses and secrets of this machine's embedded services; never commit it.\n"


def read_env(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    values: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            values[key.strip()] = value.strip()
    return values


def write_env(path: Path, values: dict[str, str]) -> None:
    """Replaced in one move, so that a full disk or a Ctrl-C never leaves half a file."""
    for key, value in values.items():
        if "\n" in value:
            raise ValueError(f"{key} holds a line break")
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(HEADER)
        file.writelines(f"{key}={value}\n" for key, value in sorted(values.items()))
    fresh.chmod(0o600)
    fresh.replace(path)


def update_env(path: Path, changes: dict[str, str | None]) -> dict[str, str]:
    """`None` removes a key. The file is left alone when nothing changes."""
    old = read_env(path)
    new = {key: value for key, value in (old | changes).items() if value is not None}
    if new != old or not path.is_file():
        write_env(path, new)
    return new


def secret_of(path: Path, key: str) -> str:
    """A secret made up the first time it is asked for; URL-safe, so it can stand inside an address."""
    value = read_env(path).get(key)
    if not value:
        value = secrets.token_urlsafe(32)
        update_env(path, {key: value})
    return value
