from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kivendtout.lib.errors import KvtError
from kivendtout.lib.kafka import admin_client, create_topic, topic_configs, wanted_topics
from kivendtout.lib.kafka_topics import Difference, apply, differences, found_topics


class Command(BaseCommand):
    help = (
        "Create the Kafka topics that are missing, those for dead letters included, and say how the others differ "
        "from what settings ask for."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--apply",
            action="store_true",
            help="Also grow partitions and set retention. Never takes partitions away, never moves copies.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            created, applied, left = self._bring_about(apply_too=options["apply"])
        except KvtError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(json.dumps(_report(created, applied, left)))
            return
        self.stdout.write(f"Created: {', '.join(created)}." if created else "Nothing was missing.")
        for difference in applied:
            self.stdout.write(f"Changed. {difference.sentence}")
        for difference in left:
            self.stdout.write(difference.sentence)
        if any(difference.can_apply for difference in left):
            self.stdout.write("Add --apply to change what can be changed in place.")

    def _bring_about(self, *, apply_too: bool) -> tuple[list[str], list[Difference], list[Difference]]:
        wanted = wanted_topics()
        with admin_client() as admin:
            found = found_topics(admin, list(wanted))
            differ = [one for name in found for one in differences(name, wanted[name], found[name])]
            created = [name for name in wanted if name not in found and create_topic(admin, name, wanted[name])]
            applied = [one for one in differ if one.can_apply and apply_too]
            for difference in applied:
                apply(admin, difference)
        return created, applied, [one for one in differ if one not in applied]


def _report(created: list[str], applied: list[Difference], left: list[Difference]) -> dict[str, Any]:
    def told(differ: list[Difference]) -> list[dict[str, Any]]:
        return [asdict(one) | {"sentence": one.sentence} for one in differ]

    topics = {name: {"partitions": count, **topic_configs(name)} for name, count in wanted_topics().items()}
    return {"created": created, "topics": topics, "changed": told(applied), "differences": told(left)}
