from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.fraud.management.periods import add_period, period_asked, tenant_asked
from apps.fraud.services.history import Exported, features_export


class Command(BaseCommand):
    help = "Replay stored payments through the features that score live, into a Parquet file: one row a payment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_period(parser)
        parser.add_argument("--out", type=Path, required=True, help="the Parquet file to write")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant, out = tenant_asked(options), options["out"]
        if not out.parent.is_dir():
            raise CommandError(f"There is no folder {out.parent}. Make it first.")
        began = monotonic()

        def say(replayed: int, rows: int) -> None:
            if options["verbosity"]:
                rate = replayed / max(monotonic() - began, 1e-6)
                self.stderr.write(f"\r{replayed:,} payments replayed, {rows:,} rows, {rate:,.0f}/s", ending="")

        done = features_export(tenant=tenant, path=out, period=period_asked(options, tenant), progress=say)
        if options["verbosity"]:
            self.stderr.write("")
        seconds = monotonic() - began
        self.stdout.write(json.dumps(_said(done, out, seconds)) if options["json"] else _told(done, out, seconds))


def _said(done: Exported, out: Path, seconds: float) -> dict[str, Any]:
    return {
        "rows": done.rows,
        "labelled": done.labelled,
        "frauds": done.frauds,
        "warmed": done.warmed,
        "history_from": done.history_from and done.history_from.isoformat(),
        "bytes": out.stat().st_size,
        "seconds": round(seconds, 2),
        "per_second": round((done.rows + done.warmed) / max(seconds, 1e-6)),
        "file": str(out),
    }


def _told(done: Exported, out: Path, seconds: float) -> str:
    said = _said(done, out, seconds)
    warm = (
        f"{done.warmed:,} earlier payments, back to {done.history_from:%Y-%m-%d}, were replayed first.\n"
        if done.warmed
        else ""
    )
    return (
        f"{done.rows:,} payments ({done.labelled:,} labelled, {done.frauds:,} frauds) in {said['file']}, "
        f"{said['bytes']:,} bytes.\n{warm}{said['seconds']} s, {said['per_second']:,} payments/s."
    )
