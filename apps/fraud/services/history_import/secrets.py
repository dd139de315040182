"""What may not be kept as it came: card numbers are refused, cards and addresses become keyed hashes."""

from __future__ import annotations

from typing import Final

import polars as pl
from django.utils.translation import gettext_noop

from apps.fraud.services.history_import.files import Fault
from kivendtout.lib.crypto.hashing import blind_indexes
from kivendtout.lib.errors import InvalidInput
from kivendtout.lib.redact import redact_cards

HASHED: Final = ("card", "ip")
# Thirteen digits or more, however they are parted: a quick look, before the full rule reads the text.
SUSPECT: Final = r"[0-9](?:[^0-9A-Za-z:|]{0,3}[0-9]){12}"
_BETWEEN: Final = r"([0-9])[^0-9A-Za-z:|]{1,3}"
# A number by chance looks like a card's one time in twenty or less; a column of cards nearly always.
A_COLUMN_OF_CARDS: Final = 0.5


class HoldsCards(InvalidInput):
    code = "holds_card_numbers"
    message = gettext_noop("The file holds card numbers. Export a fingerprint of the card instead.")


class Hasher:
    """Keyed hashes in hexadecimal, as recorded payments have them. A card or an address comes again: it is remembered,
    up to `MOST`, so that memory stays bounded."""

    MOST: Final = 500_000

    def __init__(self) -> None:
        self._known: dict[str, dict[str, str]] = {name: {} for name in HASHED}

    def hashed(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(self._column(name, frame[name]) for name in HASHED if name in frame.columns)

    def _column(self, name: str, values: pl.Series) -> pl.Series:
        known = self._known[name]
        if len(known) > self.MOST:
            known.clear()
        fresh = [value for value in values.drop_nulls().unique().to_list() if value not in known]
        for value, digest in zip(fresh, blind_indexes(name, fresh) if fresh else (), strict=True):
            known[value] = digest.hex() if digest else ""
        return pl.Series(name, [None if value is None else known[value] for value in values.to_list()], dtype=pl.String)


def without_cards(frame: pl.DataFrame, columns: dict[str, str]) -> tuple[pl.DataFrame, list[Fault]]:
    """Rows that hold what looks like a card number are left out; a column of them ends the import."""
    bad: dict[int, str] = {}
    for name, dtype in frame.schema.items():
        if dtype != pl.String:
            continue
        found = _rows_with_cards(frame[name])
        if found and len(found) >= A_COLUMN_OF_CARDS * frame[name].count():
            raise HoldsCards(
                f"Column {columns[name]!r}, mapped to {name}, holds card numbers, the first in line "
                f"{frame['line'][found[0]]:,}. They may not be kept. "
                "Export the first six or eight digits, or a fingerprint of the card."
            )
        bad |= dict.fromkeys(found, name)
    if not bad:
        return frame, []
    lines = frame["line"]
    said = "holds what looks like a card number. Send its first digits or a fingerprint, never the number."
    faults = [Fault(lines[row], "card_number", f"{columns[name]} {said}") for row, name in sorted(bad.items())]
    keep = pl.Series(range(len(frame))).is_in(list(bad)).not_()
    return frame.filter(keep), faults


def _rows_with_cards(values: pl.Series) -> list[int]:
    rows = values.str.contains(SUSPECT).fill_null(False).arg_true()
    if rows.is_empty():
        return []
    texts = values.gather(rows)
    joined = texts.str.replace_all(_BETWEEN, "${1} ")
    pairs = zip(rows, texts, joined, strict=True)
    return [row for row, *forms in pairs if any(redact_cards(text) != text for text in forms)]
