"""What a value becomes when it cannot be decrypted: a marker that says so, and harms no other value."""

from __future__ import annotations

import base64
import logging
from dataclasses import dataclass, replace
from typing import Any

from django.db.models.expressions import Expression

from kivendtout.lib.crypto.errors import UnsafeUse

# A text that begins with this control character is kvt_decrypt's report, never a person's data: both sides refuse it.
REPORT = "\x01"

REASONS = {
    "missing": "its key {key} is not in the key ring",
    "failed": "its key {key} does not open it, or the bytes are damaged",
    "format": "the stored bytes are not in the sealed format",
}
log = logging.getLogger(__name__)
_logged: set[tuple[str, str, str]] = set()


@dataclass(frozen=True)
class Unreadable:
    """Reads as a sentence wherever a text or a date would. Saving a model that holds one keeps the stored bytes."""

    column: str  # table.column
    key_id: str
    reason: str
    pk: object = None

    def __str__(self) -> str:
        row = f" of row {self.pk}" if self.pk is not None else ""
        return f"[unreadable: {self.column}{row}, {REASONS[self.reason].format(key=self.key_id)}]"

    def isoformat(self) -> str:
        """Serialisers call this on dates; one unreadable date must not spoil their list."""
        return str(self)

    def at(self, pk: object) -> Unreadable:
        return replace(self, pk=pk)

    def resolve_expression(self, *args: object, **kwargs: object) -> KeepStored:
        """Django asks this of any value it saves that is not plain data."""
        return KeepStored(self.column)


class KeepStored(Expression):
    """In an UPDATE, the column's own stored bytes. In an INSERT there are none, and it is refused."""

    def __init__(self, column: str) -> None:
        super().__init__()
        self.label = column
        self.table, self.stored_column = column.rsplit(".", 1)

    def refusal(self) -> UnsafeUse:
        return UnsafeUse(
            f"A value of {self.label} could not be read, so it cannot be written anywhere else. "
            "Restore its key, or set a new value."
        )

    def as_sql(self, compiler: Any, connection: Any, **_: object) -> Any:
        query = compiler.query
        if query.get_meta().db_table != self.table or not hasattr(query, "values"):
            raise self.refusal()
        quote = connection.ops.quote_name
        return f"{quote(self.table)}.{quote(self.stored_column)}", []


def report_parts(report: str) -> tuple[str, str, bytes]:
    """Reason, key id and, where the key is missing, the sealed bytes, from what kvt_decrypt reports."""
    reason, key_id, sealed = report[1:].lower().split(":", 2)[:3] if report.isupper() else report[1:].split(":", 2)
    return reason, key_id, base64.b64decode(sealed)


def unreadable(column: str, reason: str, key_id: str) -> Unreadable:
    value = Unreadable(column=column, key_id=key_id, reason=reason if reason in REASONS else "format")
    if (seen := (column, key_id, value.reason)) not in _logged:
        _logged.add(seen)
        log.error("An encrypted value cannot be read: %s", value, extra={"column": column, "key_id": key_id})
    return value


def forget_logged() -> None:
    """After the ring has changed, a value that still cannot be read is worth saying once more."""
    _logged.clear()
