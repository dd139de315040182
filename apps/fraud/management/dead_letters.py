"""Dead letters in words and in JSON, for the command `dlq`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.fraud.management.tables import table
from apps.fraud.models import DeadLetter
from apps.fraud.services.dead_letters import WAITS, dead_letter_state
from apps.fraud.services.letter import Letter
from kivendtout.lib.clock import now

# Longer reasons are for `show`.
WIDTH = 80
Known = tuple[Letter, DeadLetter | None]


@dataclass
class Listed:
    letters: list[Known] = field(default_factory=list)
    summary: list[dict[str, Any]] = field(default_factory=list)
    read: int = 0
    skipped: int = 0

    @property
    def open(self) -> int:
        return sum(one["open"] for one in self.summary)


def state_of(row: DeadLetter | None) -> str:
    return dead_letter_state(row, now=now())


def summary_of(known: Sequence[Known]) -> list[dict[str, Any]]:
    """By topic and kind of fault: how many wait, how many were handled, and since when the oldest waits."""
    counts: dict[tuple[str, str], dict[str, Any]] = defaultdict(lambda: {"open": 0, "handled": 0, "oldest": None})
    for letter, row in known:
        one = counts[letter.topic, letter.code]
        waits = state_of(row) in WAITS
        one["open" if waits else "handled"] += 1
        if waits:
            one["oldest"] = min(filter(None, (one["oldest"], letter.stamped_at.isoformat())))
    return [{"topic": topic, "code": code or None, **one} for (topic, code), one in sorted(counts.items())]


def as_json(letter: Letter, row: DeadLetter | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "place": str(letter.place),
        "source": letter.source or None,
        "topic": letter.topic,
        "code": letter.code or None,
        "reason": letter.reason,
        "tenant": letter.tenant or None,
        "trace_id": letter.trace_id or None,
        "dead_since": letter.stamped_at.isoformat(),
        "failed_at": letter.failed_at or None,
        "retries": letter.retries,
        "bytes": letter.size,
        "masked": letter.masked or None,
        "cut": letter.cut or None,
        "state": state_of(row),
    }
    return told | (row_json(row) if row else {})


def row_json(row: DeadLetter) -> dict[str, Any]:
    return {
        "by": row.by,
        "handled_at": row.done_at.isoformat() if row.done_at else None,
        "handled_reason": row.reason or None,
        "retried_to": row.retried_to or None,
    }


def payload_json(letter: Letter) -> dict[str, Any]:
    """As text where it is text; any other bytes as hexadecimal digits, so that JSON and terminals can carry them."""
    try:
        text = letter.value.decode()
    except UnicodeDecodeError:
        return {"payload": None, "payload_hex": letter.value.hex()}
    return {"payload": text, "payload_hex": None}


def sentences(listed: Listed) -> str:
    if not listed.letters and not listed.summary:
        return "There are no dead letters."
    lines = [summary_table(listed.summary)] if listed.summary else []
    if listed.letters:
        heading: tuple[str, ...] = ("place", "fault", "tenant", "since", "state", "reason")
        rows = [heading, *(_row(letter, row) for letter, row in listed.letters)]
        lines += ["", table(rows, left=range(6))]
    if listed.skipped:
        lines += ["", f"{listed.skipped:,} older letters were not read. Name one by its place to see it."]
    return "\n".join(lines)


def summary_table(summary: Sequence[dict[str, Any]]) -> str:
    rows = [("topic", "fault", "open", "handled", "oldest")]
    for one in summary:
        oldest = (one["oldest"] or "–")[:19]
        rows.append((one["topic"], one["code"] or "–", str(one["open"]), str(one["handled"]), oldest))
    return table(rows, left=(0, 1, 4))


def _row(letter: Letter, row: DeadLetter | None) -> tuple[str, ...]:
    reason = letter.reason if len(letter.reason) <= WIDTH else letter.reason[: WIDTH - 1] + "…"
    since = f"{letter.stamped_at:%Y-%m-%d %H:%M:%S}"
    return str(letter.place), letter.code or "–", letter.tenant or "–", since, state_of(row), reason


def shown(told: dict[str, Any]) -> str:
    """One letter, a line a fact. Its payload stands last and quoted, so that a terminal obeys nothing in it."""
    payload, digits = told.pop("payload"), told.pop("payload_hex")
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in told.items() if value is not None]
    if payload is None:
        return "\n".join([*lines, "payload, in hexadecimal digits:", digits])
    quoted = "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in payload)
    return "\n".join([*lines, "payload:", quoted])
