"""The demo's last word before the log: where it is and who may sign in."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

FANCY, PLAIN = "╭─╮│╰╯", "+-+|++"


def accounts_table(accounts: Sequence[Mapping[str, str]]) -> list[str]:
    columns = ("role", "email", "password")
    widths = {name: max([len(name), *(len(str(a.get(name) or "")) for a in accounts)]) for name in columns}
    return ["  ".join(f"{a.get(name) or '':<{widths[name]}}" for name in columns).rstrip() for a in accounts]


def box(lines: Sequence[str], encoding: str | None = None) -> str:
    corner = FANCY if _can(FANCY, encoding or sys.stdout.encoding) else PLAIN
    width = max(len(line) for line in lines) + 2
    top = corner[0] + corner[1] * width + corner[2]
    bottom = corner[4] + corner[1] * width + corner[5]
    body = [f"{corner[3]} {line:<{width - 2}} {corner[3]}" for line in lines]
    return "\n".join([top, *body, bottom])


def _can(text: str, encoding: str | None) -> bool:
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
