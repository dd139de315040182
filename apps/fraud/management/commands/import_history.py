from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.fraud.engine.features.catalogue import FEATURES, VERSION
from apps.fraud.services.history_import.mapping import read_map
from apps.fraud.services.history_import.service import Imported, history_import
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError

# Often enough to look alive, seldom enough to cost nothing.
EVERY_SECONDS = 0.5
MOST_WORKERS = 64


class Command(BaseCommand):
    help = "Replay a foreign history of payments (CSV, Parquet) through the features that score live, into a matrix."
    requires_system_checks: list[str] = []  # reads and writes files only; needs neither database nor services

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the payments, as .csv or .parquet")
        parser.add_argument("--map", type=Path, required=True, help="which column is what, as .toml or .json")
        parser.add_argument("--features-out", type=Path, help="the Parquet file to write: one row a payment")
        parser.add_argument(
            "--max-rejected", type=_share, default=0.01, help="share of rows that may be unusable (0.01)"
        )
        parser.add_argument("--work-dir", type=Path, help="where sorted payments wait; beside the matrix otherwise")
        parser.add_argument(
            "--workers", type=_workers, default=min(os.cpu_count() or 1, 4), help="processes that compute"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        progress = _Progress(quiet=options["verbosity"] == 0)
        try:
            done = history_import(
                path=options["file"],
                mapped=read_map(options["map"]),
                out=options["features_out"],
                now=now(),
                most_rejected=options["max_rejected"],
                work=options["work_dir"],
                workers=options["workers"],
                progress=progress.say,
            )
        except KvtError as error:
            raise CommandError(error.message) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. Nothing was kept of it.", returncode=130) from None
        finally:
            progress.end()
        said = _said(done, options, monotonic() - progress.began)
        self.stdout.write(json.dumps(said) if options["json"] else _told(said))


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ArgumentTypeError(f"{text!r} is not a share from 0 to 1, like 0.01.")
    return share


def _workers(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MOST_WORKERS:
        raise ArgumentTypeError(f"{text!r} is not a number of processes from 1 to {MOST_WORKERS}.")
    return int(text)


class _Progress:
    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.began = monotonic()
        self._shown = 0.0
        self._what = ""

    def say(self, what: str, share: float, rows: int) -> None:
        moment = monotonic()
        if what != self._what:
            self.end()
            self._what, self._since = what, moment
        if self.quiet or moment - self._shown < EVERY_SECONDS:
            return
        self._shown = moment
        rate = rows / max(moment - self._since, 1e-6)
        sys.stderr.write(f"\r{what} {share:>4.0%} {rows:>13,} payments {rate:>9,.0f}/s")
        sys.stderr.flush()

    def end(self) -> None:
        if self._shown and not self.quiet:
            sys.stderr.write("\n")
        self._shown = 0.0


def _said(done: Imported, options: dict[str, Any], seconds: float) -> dict[str, Any]:
    out: Path | None = options["features_out"]
    return {
        "file": str(options["file"]),
        "rows": done.rows,
        "features_computed": done.computed,
        "features": len(FEATURES),
        "labels": done.labelled,
        "frauds": done.frauds,
        "rejected": {
            "rows": done.rejected.rows,
            "reasons": {
                reason: {"rows": many, "examples": done.rejected.examples[reason]}
                for reason, many in done.rejected.counts.most_common()
            },
        },
        "from": done.first and done.first.isoformat(),
        "to": done.last and done.last.isoformat(),
        "catalogue_version": VERSION,
        "seconds": round(seconds, 2),
        "per_second": round(done.rows / max(seconds, 1e-6)),
        "features_out": out and str(out),
        "bytes": out and out.stat().st_size,
    }


def _told(said: dict[str, Any]) -> str:
    lines = [
        f"{said['features_computed']:,} of {said['rows']:,} payments, {said['from']} to {said['to']}: "
        f"{said['features']} features each, {said['labels']:,} labelled, {said['frauds']:,} frauds."
    ]
    for reason, told in said["rejected"]["reasons"].items():
        first = told["examples"][0]
        lines.append(f"Left out, {reason}: {told['rows']:,} rows, first in line {first['line']:,}: {first['problem']}")
    if said["features_out"]:
        lines.append(f"{said['features_out']}: {said['bytes']:,} bytes, catalogue {said['catalogue_version']}.")
    lines.append(f"{said['seconds']} s, {said['per_second']:,} payments/s.")
    return "\n".join(lines)
