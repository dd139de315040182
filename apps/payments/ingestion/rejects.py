"""The file of what was left out: where it stood, why, and the row itself, card numbers masked."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from kivendtout.lib.redact import redact_cards

HEADER = ("file", "line", "reason", "row")


class RejectsFile:
    """Made at the first reject; an earlier load's file is removed, so that what is there is of this load."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: Any = None
        self._writer: Any = None

    def __enter__(self) -> RejectsFile:
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, file: str, line: int, reason: str, values: Sequence[str | None]) -> None:
        if self._writer is None:
            self._open()
        self.count += 1
        self._writer.writerow((file, line, reason, _csv_line(values)))

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Rejected rows may name people.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(HEADER)


def _csv_line(values: Sequence[str | None]) -> str:
    target = io.StringIO()
    csv.writer(target, lineterminator="").writerow([redact_cards(value or "") for value in values])
    return target.getvalue()
