from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.fraud.management.anomalies import scan_lines, scan_said
from apps.fraud.management.periods import tenant_asked
from apps.fraud.services.anomalies_logs import LogScan, access_scan, database_scan
from kivendtout.lib.clock import now


class Command(BaseCommand):
    help = "Raise the oddest hours of access (audit trail, access log) and of the database (its own log)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", default=settings.DEMO_TENANT, help="slug of the tenant that is told")
        parser.add_argument("--access", type=Path, help="the web process's log: JSON lines")
        parser.add_argument("--database", type=Path, help="PostgreSQL's log: csvlog, jsonlog or text")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant, access, database = tenant_asked(options), _file(options["access"]), _file(options["database"])
        done = [access_scan(tenant=tenant, now=now(), file=access)]
        if database is not None:
            done.append(database_scan(tenant=tenant, now=now(), file=database))
        if options["json"]:
            self.stdout.write(json.dumps({str(one.scan.kind): _said(one) for one in done}))
            return
        for one in done:
            if one.lines:
                self.stdout.write(f"{one.lines:,} lines read, {one.bad:,} unreadable, {one.passed_over:,} passed over.")
            self.stdout.write("\n".join(scan_lines(one.scan)))


def _file(path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise CommandError(f"There is no file {path}. Name the log file itself.")
    return path


def _said(one: LogScan) -> dict[str, Any]:
    return {**scan_said(one.scan), "lines": one.lines, "bad_lines": one.bad, "lines_passed_over": one.passed_over}
