from __future__ import annotations

import csv
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.compliance.audit import audit_actor
from apps.compliance.models import Tenant, User
from apps.fraud.models import FraudList
from apps.fraud.selectors.lists import entries_export
from apps.fraud.services.list_csv import FAULTS, guarded
from apps.fraud.services.list_import import Plan, list_entries_import
from apps.payments.ingestion.load import default_tenant
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError
from kivendtout.lib.tenancy import tenant_scope

# Of the invalid lines, this many are named; the count tells of the rest.
NAMED = 100


class Command(BaseCommand):
    help = "Put the entries of a CSV file on a list, or write a list's entries as CSV; hidden values leave as hints."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True)
        put = commands.add_parser("import", help="Put the entries of a CSV file on a list.")
        put.add_argument("--by", required=True, help="E-mail address of the colleague who answers for the entries.")
        put.add_argument("--preview", action="store_true", help="Tell what would happen and change nothing.")
        take = commands.add_parser("export", help="Write a list's entries as CSV.")
        for one in (put, take):
            one.add_argument("code", help="The list's code.")
            one.add_argument("file", type=Path, help="The CSV file: value, reason and, if you like, expires_at.")
            one.add_argument("--tenant", default=default_tenant(), help="Slug of the tenant.")
            one.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {options['tenant']!r}. Give another one with --tenant.")
        with tenant_scope(tenant.pk):
            fraud_list = FraudList.objects.filter(code=options["code"]).first()
            if fraud_list is None:
                known = ", ".join(FraudList.objects.order_by("code").values_list("code", flat=True)) or "none"
                raise CommandError(f"There is no list {options['code']!r}. The lists are: {known}.")
            act = _import if options["action"] == "import" else _export
            told = act(fraud_list, options)
        self.stdout.write(json.dumps(told) if options["json"] else _sentence(told))


def _import(fraud_list: FraudList, options: dict[str, Any]) -> dict[str, Any]:
    actor = User.objects.filter(email__iexact=options["by"]).first()
    if actor is None:
        raise CommandError("Nobody has the e-mail address given with --by. Name a colleague who manages lists.")
    try:
        text = options["file"].read_text(encoding="utf-8-sig")
        with audit_actor(actor=actor, tenant_id=fraud_list.tenant_id):
            plan = list_entries_import(
                fraud_list=fraud_list, text=text, actor=actor, now=now(), preview=options["preview"]
            )
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{options['file']} cannot be read as UTF-8 text: {error.__class__.__name__}.") from error
    except KvtError as error:
        raise CommandError(error.message) from error
    _name_faults(plan)
    return {
        "list": fraud_list.code,
        "preview": options["preview"],
        **plan.counts(),
        "added": plan.added,
        "updated": plan.updated,
    }


def _name_faults(plan: Plan) -> None:
    wrong = [line for line in plan.lines if line.outcome == "invalid"]
    for line in wrong[:NAMED]:
        sys.stderr.write(f"line {line.number}: {FAULTS[line.fault]}\n")
    if len(wrong) > NAMED:
        sys.stderr.write(f"… and {len(wrong) - NAMED} more invalid lines.\n")


def _export(fraud_list: FraudList, options: dict[str, Any]) -> dict[str, Any]:
    """A spreadsheet must not take a value for a formula: such values get an apostrophe, which an import takes off."""
    count = 0
    try:
        with options["file"].open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            for entry in entries_export(fraud_list):
                if count == 0:
                    writer.writerow(entry)
                writer.writerow(guarded(_text(cell)) for cell in entry.values())
                count += 1
    except OSError as error:
        raise CommandError(f"{options['file']} cannot be written: {error.strerror}.") from error
    return {"list": fraud_list.code, "entries": count, "file": str(options["file"])}


def _text(cell: Any) -> str:
    return "" if cell is None else cell.isoformat() if hasattr(cell, "isoformat") else str(cell)


def _sentence(told: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in told.items())
