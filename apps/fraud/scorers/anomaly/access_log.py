"""Lines of the web's own access log: who, which page, what came of it. One JSON object a line.

A line of ours (`"event": "access"`) names `user 12`, `key kvt_live_ab12cd34` or `address 3f…` as its actor, the route
instead of the address, the status, and the record it was about as a keyed hash. Other events' lines are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from apps.fraud.scorers.anomaly.activity import Act

EVENT: Final = "access"
REFUSED: Final = frozenset({401, 403, 404, 429})
READ: Final = frozenset({"GET", "HEAD", "OPTIONS"})
EXPORTS: Final = re.compile(r"export|download|csv")
# A person, a key or the hash of an address, and nothing that could name anybody.
ACTOR: Final = re.compile(r"(user \d{1,18}|key kvt_(live|test)_[A-Za-z0-9]{8}|address [0-9a-f]{8,64})", re.ASCII)
MARK: Final = re.compile(r'"event": ?"access"')


class Line(msgspec.Struct):
    ts: datetime
    event: str
    actor: str
    method: str
    status: int
    route: str = ""
    object: str = ""
    network: str = ""
    tenant: str | None = None
    sign_in_failed: bool = False


_decode = msgspec.json.Decoder(Line).decode


class AccessLog:
    """Reads lines of one tenant; `unnamed` also takes those that no tenant is known of, such as failed sign-ins."""

    def __init__(self, tenant: str, *, unnamed: bool) -> None:
        self.tenant, self.unnamed = tenant, unnamed
        self.lines = self.bad = self.others = 0

    def acts(self, lines: Iterable[str]) -> Iterator[Act]:
        for text in lines:
            self.lines += 1
            if MARK.search(text) is None:
                continue
            line = self._read(text)
            if line is None:
                self.bad += 1
            elif line.tenant == self.tenant or (line.tenant is None and self.unnamed):
                yield _act(line)
            else:
                self.others += 1

    @staticmethod
    def _read(text: str) -> Line | None:
        try:
            line = _decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        sound = line.event == EVENT and ACTOR.fullmatch(line.actor) and line.ts.tzinfo is not None
        return line if sound else None


def _act(line: Line) -> Act:
    counts: dict[str, float] = {"acts": 1, "requests": 1}
    told: dict[str, Any] = {
        "refused": line.status in REFUSED,
        "errors": line.status >= 500,
        "changes": line.method not in READ and line.status < 400 and not line.sign_in_failed,
        "exports": line.status < 400 and EXPORTS.search(line.route) is not None,
        "sign_ins_failed": line.sign_in_failed,
    }
    counts |= {name: 1 for name, is_so in told.items() if is_so}
    return Act(line.ts, line.actor, counts, line.object[:64], line.network[:64])
