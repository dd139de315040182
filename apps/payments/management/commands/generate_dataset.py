"""Write a synthetic data set to a directory."""

import argparse
import json
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.payments.dataset import DatasetError, DatasetOptions, Summary, generate


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write it as 2025-11-01.") from None


class Command(BaseCommand):
    help = "Generates customers, products, sessions, orders, payments, events and labelled fraud."
    requires_system_checks: list[str] = []  # writes files only; needs neither database nor services

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, required=True, help="directory to write; empty or a data set of ours")
        parser.add_argument("--customers", type=int, default=2_500)
        parser.add_argument("--seed", type=int, default=42)
        parser.add_argument("--start", type=_day, default=date(2025, 11, 1), help="first day, YYYY-MM-DD")
        parser.add_argument("--end", type=_day, default=date(2026, 1, 31), help="last day, YYYY-MM-DD")
        parser.add_argument("--format", dest="file_format", default="csv", help="csv (default) or parquet")
        parser.add_argument("--workers", type=int, default=2, help="processes; the files do not depend on it")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **given: Any) -> None:
        names = ("out", "customers", "seed", "start", "end", "file_format", "workers")
        try:
            options = DatasetOptions(**{name: given[name] for name in names})
            summary = generate(options, progress=self._progress)
        except DatasetError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(summary.as_dict()) if given["json"] else _told(summary, options.out))

    def _progress(self, line: str) -> None:
        self.stderr.write(line, self.style.NOTICE)
        self.stderr.flush()


def _told(summary: Summary, out: Path) -> str:
    told = summary.as_dict()
    lines = [f"{file['rows']:>12,}  {name}" for name, file in told["files"].items()]
    frauds = ", ".join(f"{pattern} {count}" for pattern, count in told["frauds"].items())
    lines.append(f"{told['rows_total']:>12,}  rows in {told['seconds']} s ({told['rows_per_second']:,}/s) in {out}")
    lines.append(f"Frauds: {told['fraud_share']:.2%} of payments ({frauds}).")
    return "\n".join(lines)
