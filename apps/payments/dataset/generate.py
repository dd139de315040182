"""Make a data set: blocks in, files and a manifest out."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from apps.payments.dataset import schema
from apps.payments.dataset.files import GENERATOR, sinks, staging
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.patterns import PATTERN_NAMES
from apps.payments.dataset.workers import parts

# Raise when the same arguments give other rows than before.
VERSION: Final = 2
_QUIET_SECONDS: Final = 2.0
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Summary:
    manifest: dict[str, Any]
    seconds: float

    @property
    def rows(self) -> int:
        return sum(file["rows"] for file in self.manifest["files"].values())

    def as_dict(self) -> dict[str, Any]:
        rate = round(self.rows / self.seconds) if self.seconds else 0
        return {**self.manifest, "rows_total": self.rows, "seconds": round(self.seconds, 2), "rows_per_second": rate}


@dataclass
class _Written:
    rows: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(schema.COLUMNS, 0)))
    frauds: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(PATTERN_NAMES, 0)))
    digests: dict[str, str] = field(default_factory=dict)


def generate(options: DatasetOptions, progress: Progress = lambda line: None) -> Summary:
    """Write the data set into `options.out`, whole or not at all."""
    started = time.perf_counter()
    with staging(options) as folder:
        manifest = _manifest(options, folder, _write(options, folder, progress))
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        (folder / schema.MANIFEST).write_text(text, encoding="utf-8")
    return Summary(manifest, time.perf_counter() - started)


def _write(options: DatasetOptions, folder: Path, progress: Progress) -> _Written:
    written = _Written()
    progress(f"Generating {options.customers} customers, {options.start} to {options.end}.")
    told = time.perf_counter()
    with sinks(folder, options.file_format) as files:
        for part in parts(options):
            for table, content in part.content.items():
                files[table].append(content)
            written.rows.update(part.rows)
            written.frauds.update(part.frauds)
            if time.perf_counter() - told > _QUIET_SECONDS:
                told = time.perf_counter()
                progress(f"{(part.index + 1) * 100 // options.blocks} %: {written.rows.total()} rows.")
    written.digests = {table: sink.digest() for table, sink in files.items()}
    return written


def _manifest(options: DatasetOptions, folder: Path, written: _Written) -> dict[str, Any]:
    rows, frauds = written.rows, written.frauds
    paths = {table: folder / schema.file_name(table, options.file_format) for table in schema.COLUMNS}
    return {
        "generator": GENERATOR,
        "version": VERSION,
        "seed": options.seed,
        "customers": options.customers,
        "start": options.start.isoformat(),
        "end": options.end.isoformat(),
        "format": options.file_format,
        "files": {
            path.name: {"rows": rows[table], "bytes": path.stat().st_size, "sha256": written.digests[table]}
            for table, path in paths.items()
        },
        "frauds": dict(frauds),
        "fraud_share": round(frauds.total() / max(rows[schema.PAYMENTS], 1), 5),
    }
