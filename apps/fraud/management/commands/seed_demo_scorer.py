from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.compliance.models import Tenant
from apps.fraud.services.demo_scorer import demo_scorer_seed
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError


class Command(BaseCommand):
    help = "Trains the demo's first scorer on a generated data set and lets it decide; one that is there is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dataset", type=Path, help="folder that generate_dataset made")
        parser.add_argument("--tenant", default=settings.DEMO_TENANT, help="slug of the demo's tenant")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {options['tenant']!r}. Run seed_demo first.")
        try:
            scorer, made = demo_scorer_seed(tenant=tenant, dataset=options["dataset"], now=now(), say=self._say)
        except KvtError as error:
            raise CommandError(error.message) from error
        measures = scorer.report["measures"]
        told = {"scorer": scorer.number, "made": made, "stage": scorer.stage, "auc": measures["auc"]}
        self.stdout.write(json.dumps(told) if options["json"] else f"Scorer {scorer}, {scorer.get_stage_display()}.")

    def _say(self, step: str) -> None:
        self.stderr.write(step)
