from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.fraud.management.anomalies import scan_lines, scan_said
from apps.fraud.management.periods import add_period, period_asked, tenant_asked
from apps.fraud.services.anomalies_matrix import matrix_scan
from apps.fraud.services.anomalies_payments import payments_scan
from kivendtout.lib.clock import now


class Command(BaseCommand):
    help = (
        "Raise the oddest payments decided on since the last scan, or in a period, with the fields that made them so."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_period(parser)
        parser.add_argument("--matrix", type=Path, help="try it on a file of export_features instead; raises nothing")
        parser.add_argument("--a-day", type=int, default=20, help="how many a day, with --matrix")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["matrix"] is not None:
            self._try(options["matrix"], options["a_day"], as_json=options["json"])
            return
        tenant = tenant_asked(options)
        period = period_asked(options, tenant)
        scan = payments_scan(tenant=tenant, now=now(), start=period.start, end=period.end)
        self.stdout.write(json.dumps(scan_said(scan)) if options["json"] else "\n".join(scan_lines(scan)))

    def _try(self, path: Path, a_day: int, *, as_json: bool) -> None:
        if not path.is_file():
            raise CommandError(f"There is no file {path}. Write one with export_features.")
        if a_day < 1:
            raise CommandError("--a-day takes a whole number from 1.")
        done = matrix_scan(path=path, a_day=a_day)
        if as_json:
            self.stdout.write(json.dumps(done.said()))
            return
        self.stdout.write(
            f"{done.rows:,} payments in {done.days} days. Of the {done.odd:,} oddest, at most {a_day} a day, "
            f"{done.odd_frauds:,} are known as frauds; of all payments {done.frauds:,}."
        )
        for one in done.examples:
            self.stdout.write("\n".join([f"  {one['payment']}, score {one['score']:.3f}", *one["fields"]]))
