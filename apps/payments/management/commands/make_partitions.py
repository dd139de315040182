from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.payments.services.partitions import payment_partitions_ahead
from kivendtout.lib.clock import now


class Command(BaseCommand):
    help = "Make the monthly payment partitions that the next months need."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        created = payment_partitions_ahead(now=now())
        if options["json"]:
            self.stdout.write(json.dumps({"created": created}))
        else:
            self.stdout.write(f"Created: {', '.join(created)}" if created else "Nothing was missing.")
