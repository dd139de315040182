from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kivendtout.lib.errors import KvtError
from kivendtout.lib.kafka import ensure_topics, wanted_topics


class Command(BaseCommand):
    help = "Create the Kafka topics that are missing, those for dead letters included."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            created = ensure_topics()
        except KvtError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(json.dumps({"created": created, "topics": wanted_topics()}))
        else:
            self.stdout.write(f"Created: {', '.join(created)}." if created else "Nothing was missing.")
