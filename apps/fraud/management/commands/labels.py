from __future__ import annotations

import csv
import json
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.compliance.models import Tenant, User
from apps.fraud.management.periods import tenant_asked
from apps.fraud.selectors.label_history import LabelAsKnown, labels_as_known
from apps.fraud.services.label_csv import SOURCES
from apps.fraud.services.label_import import LabelPlan, fault_sentence, label_import_apply, label_import_read
from apps.fraud.services.list_csv import guarded
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError

# Of the rejected lines, this many are named; the count tells of the rest.
NAMED = 100


class Command(BaseCommand):
    help = "Import verdicts on payments from a CSV file, or export those known on a date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True)
        put = commands.add_parser("import", help="Look a file through, then record its verdicts.")
        put.add_argument(
            "file", type=Path, help="CSV: payment_id, is_fraud, known_at and, if you like, source, pattern."
        )
        put.add_argument("--source", choices=SOURCES, help="who says so, for lines that do not")
        put.add_argument("--dry-run", action="store_true", help="tell what would happen and change nothing")
        put.add_argument("--skip-rejected", action="store_true", help="record the valid lines although others are not")
        put.add_argument("--by", help="e-mail address of the colleague who answers for the file")
        take = commands.add_parser("export", help="Write the verdicts as CSV.")
        take.add_argument("--out", type=Path, help="the file to write; standard output otherwise")
        take.add_argument("--on", help="as known at the end of this day, or at this moment; as they stand otherwise")
        take.add_argument(
            "--reading", choices=("known", "recorded"), default="known",
            help="known: what the world knew by then; recorded: what this system had recorded by then",
        )  # fmt: skip
        for one in (put, take):
            one.add_argument("--tenant", default=settings.DEMO_TENANT, help="slug of the tenant")
            one.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_asked(options)
        try:
            self._import(tenant, options) if options["action"] == "import" else self._export(tenant, options)
        except KvtError as error:
            raise CommandError(error.message) from error

    # --- in ---------------------------------------------------------------------------------------------------------
    def _import(self, tenant: Tenant, options: dict[str, Any]) -> None:
        actor = _actor(options["by"])
        try:
            with options["file"].open(encoding="utf-8-sig") as file:
                plan = label_import_read(tenant=tenant, lines=file, now=now(), source=options["source"])
        except (OSError, UnicodeDecodeError) as error:
            text = f"{options['file']} cannot be read as UTF-8 text: {type(error).__name__}."
            raise CommandError(text) from error
        held_back = bool(plan.faults) and not options["skip_rejected"]
        dry = options["dry_run"] or held_back
        done = None if dry else label_import_apply(tenant=tenant, plan=plan, now=now(), actor=actor)
        self._name_faults(plan)
        said = {
            "file": str(options["file"]),
            "dry_run": dry,
            **plan.counts,
            "ignored_columns": plan.ignored,
            "recorded": 0 if done is None else done.new + done.changed,
            "rejected_lines": [{"line": one.line, "why": fault_sentence(one)} for one in plan.faults[:NAMED]],
        }
        self.stdout.write(json.dumps(said) if options["json"] else _sentences(said))
        if held_back and not options["dry_run"]:
            raise CommandError(
                f"Nothing was recorded, as {len(plan.faults):,} lines were rejected. Correct them, or record the "
                "others with --skip-rejected."
            )

    def _name_faults(self, plan: LabelPlan) -> None:
        for one in plan.faults[:NAMED]:
            self.stderr.write(f"line {one.line}: {fault_sentence(one)}")
        if len(plan.faults) > NAMED:
            self.stderr.write(f"… and {len(plan.faults) - NAMED:,} more rejected lines.")

    # --- out --------------------------------------------------------------------------------------------------------
    def _export(self, tenant: Tenant, options: dict[str, Any]) -> None:
        if options["json"] and options["out"] is None:
            raise CommandError("With --json the labels need a file of their own. Name it with --out.")
        on = None if options["on"] is None else moment_asked(options["on"], tenant)
        known = options["reading"] == "known"
        labels = labels_as_known(tenant.pk, known_on=on if known else None, recorded_on=None if known else on)
        if options["out"] is None:
            _write(self.stdout, labels)  # type: ignore[arg-type]
            return
        try:
            with options["out"].open("w", encoding="utf-8", newline="") as file:
                count = _write(file, labels)
        except OSError as error:
            raise CommandError(f"{options['out']} cannot be written: {error.strerror}.") from error
        said = {
            "labels": count,
            "file": str(options["out"]),
            "on": on and on.isoformat(),
            "reading": options["reading"],
        }
        self.stdout.write(json.dumps(said) if options["json"] else f"{count:,} labels in {options['out']}.")


def moment_asked(text: str, tenant: Tenant) -> datetime:
    """A day counts to its end, in the tenant's own time zone."""
    zone = ZoneInfo(tenant.time_zone)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"--on takes a day or a moment, like 2025-12-01 or 2025-12-01T18:30; not {text!r}."
        ) from None
    if len(text) == len("2025-12-01"):
        return datetime.combine(found.date() + timedelta(days=1), time(), zone) - timedelta(microseconds=1)
    return found.replace(tzinfo=zone) if found.tzinfo is None else found


def _actor(email: str | None) -> User | None:
    if email is None:
        return None
    actor = User.objects.filter(email__iexact=email).first()
    if actor is None:
        raise CommandError("Nobody has the e-mail address given with --by. Name a colleague who imports labels.")
    return actor


def _write(file: TextIO, labels: Iterator[LabelAsKnown]) -> int:
    """What an import takes. A spreadsheet must not take a value for a formula: such values get an apostrophe."""
    writer = csv.writer(file, lineterminator="\n")
    count = 0
    writer.writerow(("payment_id", "is_fraud", "known_at", "source", "pattern"))
    for one in labels:
        count += 1
        verdict = "true" if one.is_fraud else "false"
        writer.writerow((guarded(one.payment_id), verdict, one.known_at.isoformat(), one.source, guarded(one.pattern)))
    return count


def _sentences(said: dict[str, Any]) -> str:
    counts = ", ".join(f"{said[name]:,} {name}" for name in ("new", "turned", "kind", "repeated", "rejected"))
    ignored = f" Columns not used: {', '.join(said['ignored_columns'])}." if said["ignored_columns"] else ""
    end = "Nothing was changed." if said["dry_run"] else f"{said['recorded']:,} recorded."
    return f"{counts}.{ignored} {end}"
