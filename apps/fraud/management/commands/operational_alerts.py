from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import override

from apps.fraud.management.periods import tenant_asked
from apps.fraud.models import OperationalAlert
from apps.fraud.selectors.watch import operational_alerts_open
from apps.fraud.services.operational_alert_texts import operational_alert_sentence
from kivendtout.lib.tenancy import tenant_scope


class Command(BaseCommand):
    help = "List what is the matter with a tenant's scorers: operational alerts that nobody has handled."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", default=settings.DEMO_TENANT, help="slug of the tenant")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_asked(options)
        with tenant_scope(tenant.pk), override("en"):
            said = {"tenant": tenant.slug, "open": [_said(one) for one in operational_alerts_open()]}
        self.stdout.write(json.dumps(said) if options["json"] else _told(said))


def _said(alert: OperationalAlert) -> dict[str, Any]:
    return {
        "id": alert.pk,
        "kind": alert.kind,
        "scorer": alert.scorer.number if alert.scorer else None,
        "raised_at": alert.raised_at.isoformat(),
        "last_at": alert.last_at.isoformat(),
        "times": alert.times,
        "facts": alert.facts,
        "sentence": operational_alert_sentence(alert),
    }


def _told(said: dict[str, Any]) -> str:
    if not said["open"]:
        return f"{said['tenant']}: no operational alert is open."
    return "\n".join(
        f"{one['id']}  {one['last_at'][:16]}  {one['times']}×  {one['kind']}: {one['sentence']}" for one in said["open"]
    )
