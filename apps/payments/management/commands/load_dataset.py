from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.payments.ingestion.load import BATCH, Report, default_tenant, load_dataset
from apps.payments.ingestion.progress import Progress
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError


class Command(BaseCommand):
    help = "Load a KiVendTout export, or a generated data set: CSV or Parquet, events as .jsonl or .parquet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="The folder that holds the files.")
        parser.add_argument("--tenant", default=default_tenant(), help="Slug of the tenant; made when there is none.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")
        parser.add_argument("--rejects", type=Path, help="Where rejected rows go (rejects-<folder>.csv).")
        parser.add_argument("--batch", type=int, default=BATCH, help=f"Rows a transaction ({BATCH}).")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        rejects = options["rejects"] or Path(f"rejects-{folder.resolve().name}.csv")
        if not 1 <= options["batch"] <= 1_000_000:
            raise CommandError("--batch takes a whole number from 1 to 1000000.")
        progress = Progress(sys.stderr, quiet=options["verbosity"] == 0)
        try:
            report = load_dataset(
                folder,
                tenant_slug=options["tenant"],
                rejects=rejects,
                now=now(),
                progress=progress,
                batch=options["batch"],
            )
        except KvtError as error:
            raise CommandError(error.message) from error
        self.stdout.write(json.dumps(report.as_dict()) if options["json"] else _told(report))


def _told(report: Report) -> str:
    said = report.as_dict()
    lines = [f"{'':<18} {'rows':>12} {'loaded':>12} {'already':>12} {'rejected':>12}"]
    for name, counts in said["tables"].items():
        lines.append(f"{name:<18} " + " ".join(f"{counts[key]:>12,}" for key in counts))
    lines.append(f"{said['rows']:,} rows in {said['seconds']} s ({said['rows_per_second']:,} rows/s).")
    if said["rejects_file"]:
        lines.append(f"What was rejected, and why: {said['rejects_file']}")
    return "\n".join(lines)
