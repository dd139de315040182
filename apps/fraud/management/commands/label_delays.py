from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.fraud.management.commands.labels import moment_asked
from apps.fraud.management.periods import tenant_asked
from apps.fraud.management.tables import percent, table
from apps.fraud.selectors.label_delays import ENOUGH, SHARES_AFTER, Delays, LabelDelays, label_delays
from kivendtout.lib.clock import now


class Command(BaseCommand):
    help = "How long labels take to arrive, per source and kind, and the label delay that a training should leave out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", default=settings.DEMO_TENANT, help="slug of the tenant")
        parser.add_argument("--on", help="as seen at the end of this day, or at this moment; now otherwise")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_asked(options)
        found = label_delays(tenant.pk, on=moment_asked(options["on"], tenant) if options["on"] else now())
        self.stdout.write(json.dumps(_said(found)) if options["json"] else _told(found))


def _said(found: LabelDelays) -> dict[str, Any]:
    groups = [
        {"source": one.source, "is_fraud": one.is_fraud, "pattern": one.pattern, **_figures(one.delays)}
        for one in found.groups
    ]
    return {
        "on": found.on.isoformat(),
        "label_delay_days": found.proposed,
        "first_fraud_label": _figures(found.first),
        "groups": groups,
    }


def _figures(delays: Delays) -> dict[str, Any]:
    shares = {str(day): share and round(share, 4) for day, share in delays.share_after.items()}
    return {**delays._asdict(), "share_after": shares}


def _told(found: LabelDelays) -> str:
    heading = ["source", "says", "kind", "labels", *(f"≤ {day} d" for day in SHARES_AFTER), "median", "p90", "seen for"]
    rows = [heading, ["whoever is first", "fraud", "all", *_row(found.first)]]
    for one in found.groups:
        rows.append([one.source, "fraud" if one.is_fraud else "genuine", one.pattern or "all", *_row(one.delays)])
    end = (
        f"A training should leave out {found.proposed} days (--label-delay {found.proposed}): by then nine in ten "
        "labels of fraud have arrived."
        if found.proposed is not None
        else f"There are fewer than {ENOUGH} labels of fraud: too few to propose a label delay."
    )
    return f"{table(rows, left=(0, 1, 2))}\n\n{end}"


def _row(delays: Delays) -> list[str]:
    shares = [percent(share) for share in delays.share_after.values()]
    days = ["–" if day is None else f"{day} d" for day in (delays.median, delays.p90)]
    return [f"{delays.labels:,}", *shares, *days, f"{delays.horizon_days} d"]
