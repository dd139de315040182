from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kivendtout.lib.errors import KvtError
from kivendtout.lib.events import topics
from kivendtout.lib.events.avro import subject_of
from kivendtout.lib.events.avro_schema import avro_schema
from kivendtout.lib.events.publish import incompatible, stale, write
from kivendtout.lib.events.registry import schema_registry


class Command(BaseCommand):
    help = "Publish the schemas of all events in docs/events, or check that they are up to date and compatible."

    def add_arguments(self, parser: ArgumentParser) -> None:
        folder = settings.BASE_DIR / "docs" / "events"
        parser.add_argument("--out", type=Path, default=folder, metavar="DIR", help="Where they are (docs/events).")
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; fail when they are not what they must."
        )
        parser.add_argument(
            "--against", type=Path, metavar="DIR", help="Also compare with the schemas of an earlier release."
        )
        parser.add_argument(
            "--register", action="store_true", help="Also register the newest with the schema registry."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["out"]
        if options["against"] and not options["against"].is_dir():
            raise CommandError(f"There is no folder {options['against']}. Give one that holds published schemas.")
        faults = [fault for one in {folder, options["against"] or folder} for fault in incompatible(one)]
        faults += stale(folder) if options["check"] else []
        written = write(folder) if not faults and not options["check"] else []
        registered = self._register() if options["register"] and not faults else {}
        if options["json"]:
            self.stdout.write(json.dumps({"written": written, "registered": registered, "faults": faults}))
        if faults:
            raise CommandError("\n".join(faults))
        if not options["json"]:
            self.stdout.write(f"{len(written)} files written." if written else "The schemas are as they must be.")
            for subject, number in registered.items():
                self.stdout.write(f"{subject} is schema {number}.")

    def _register(self) -> dict[str, int]:
        registry = schema_registry()
        if registry is None:
            raise CommandError("No schema registry is set. Set SCHEMA_REGISTRY_URL, then retry.")
        try:
            return {
                subject: registry.number(subject, avro_schema(topic.kind, topic.meanings))
                for topic in topics()
                for subject in [subject_of(topic.name)]
            }
        except KvtError as error:
            raise CommandError(error.message) from error
