from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import override

from apps.fraud.management.periods import tenant_asked
from apps.fraud.models import ScorerWatch
from apps.fraud.services.operational_alert_texts import sentence_of
from apps.fraud.services.scorer_watch import scorers_watch
from apps.fraud.services.watch_jobs import yesterday_of
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError


class Command(BaseCommand):
    help = "Hold a day of each scorer against its training, and raise operational alerts about what is out of bounds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", default=settings.DEMO_TENANT, help="slug of the tenant")
        parser.add_argument("--day", help="day of the payments, like 2025-12-08; yesterday otherwise")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant, moment = tenant_asked(options), now()
        day = _day(options["day"]) or yesterday_of(tenant, moment)
        try:
            rows = scorers_watch(tenant_id=tenant.pk, day=day, now=moment)
        except KvtError as error:
            raise CommandError(error.message) from error
        said = {"tenant": tenant.slug, "day": day.isoformat(), "scorers": [_said(row) for row in rows]}
        self.stdout.write(json.dumps(said) if options["json"] else _told(said))


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--day takes a day, like 2025-12-08; not {text!r}.") from None


def _said(row: ScorerWatch) -> dict[str, Any]:
    figures = ("payments", "alerts", "score_psi", "worst_psi", "worst_feature", "auc", "precision", "calibration_error")
    with override("en"):
        out = [
            {**one, "sentence": sentence_of(one["kind"], one["facts"], str(row.scorer))} for one in row.findings["out"]
        ]
    return {
        "scorer": row.scorer.number,
        "stage": row.scorer.stage,
        **{name: getattr(row, name) for name in figures},
        "labels": row.findings["labels"],
        "page_bytes": len(row.report or b""),
        "out": out,
    }


def _told(said: dict[str, Any]) -> str:
    if not said["scorers"]:
        return f"{said['tenant']} has no scorer that decides or is on trial: there is nothing to watch."
    lines = [f"{said['tenant']}, {said['day']}"]
    for one in said["scorers"]:
        lines.append(
            f"  #{one['scorer']} ({one['stage']}): {one['payments']:,} payments, {one['alerts']:,} alerts, "
            f"PSI of the score {_figure(one['score_psi'])}, worst {_figure(one['worst_psi'])} {one['worst_feature']}, "
            f"AUC {_figure(one['auc'])}, precision {_figure(one['precision'])}"
        )
        lines += [f"    {out['sentence']}" for out in one["out"]] or ["    Nothing was out of bounds."]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"
