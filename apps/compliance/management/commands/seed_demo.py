from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.compliance.services.demo import demo_seed
from kivendtout.lib.errors import KvtError


class Command(BaseCommand):
    help = "Makes the demo tenant, one account per role and two API keys; run again, it changes nothing that works."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
        parser.add_argument("--tenant", default=settings.DEMO_TENANT, help="slug of the tenant")
        parser.add_argument("--passwords", type=Path, help="file (mode 600) that keeps the passwords between runs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            demo = demo_seed(tenant_slug=options["tenant"], passwords=options["passwords"])
        except KvtError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(demo), ensure_ascii=False))
            return
        for account in demo.accounts:
            self.stdout.write(f"{account.role:20} {account.email:30} {account.password or '(unchanged)'}")
        for key in demo.api_keys:
            self.stdout.write(f"{'API key':20} {key.name:30} {key.key or '(unchanged)'}")
