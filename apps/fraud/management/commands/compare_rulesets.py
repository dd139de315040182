from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from apps.fraud.management.periods import add_period, period_asked, tenant_asked
from apps.fraud.management.tables import euros, percent, table
from apps.fraud.services.ruleset_compare import SETS, SetFigures, rulesets_compare
from kivendtout.lib.errors import KvtError


class Command(BaseCommand):
    help = "Set shipped rule sets side by side over stored payments: alerts, precision, recall, good payments touched."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--sets", nargs="+", default=list(SETS), metavar="NAME", help="shipped rule sets")
        add_period(parser)
        parser.add_argument("--features", type=Path, help="a matrix made by export_features, in place of the cache")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant, began, told = tenant_asked(options), monotonic(), False

        def say(replayed: int, _rows: int) -> None:
            nonlocal told
            if options["verbosity"]:
                told = True
                self.stderr.write(f"\rpreparing features: {replayed:,} payments", ending="")

        try:
            sets = rulesets_compare(
                tenant_id=tenant.pk,
                sets=options["sets"],
                period=period_asked(options, tenant),
                features=options["features"],
                progress=say,
            )
        except KvtError as error:
            raise CommandError(error.message) from error
        if told:
            self.stderr.write("")
        seconds = round(monotonic() - began, 2)
        if options["json"]:
            self.stdout.write(json.dumps({"sets": msgspec.to_builtins(sets), "seconds": seconds}))
        else:
            self.stdout.write(_told(sets))


def _told(sets: Sequence[SetFigures]) -> str:
    if not sets or not sets[0].payments:
        return "No payment lies in this period."
    one = sets[0]
    lines = [f"{one.payments:,} payments, {one.frauds:,} of them frauds ({euros(one.fraud_eur)})", "", _summary(sets)]
    for each in sets:
        lines += ["", f"Rules of {each.name}, each on its own:", _rules(each)]
    return "\n".join(lines)


def _summary(sets: Sequence[SetFigures]) -> str:
    rows = [
        ["", *(one.name for one in sets)],
        ["alerts by", *(one.alert_policy for one in sets)],
        ["alerts", *(f"{one.alerts:,}" for one in sets)],
        ["share of payments alerted", *(percent(one.alert_share) for one in sets)],
        ["precision of alerts", *(percent(one.precision) for one in sets)],
        ["recall of alerts", *(percent(one.recall) for one in sets)],
        ["precision, in euros", *(percent(one.precision_eur) for one in sets)],
        ["recall, in euros", *(percent(one.recall_eur) for one in sets)],
        ["CHALLENGE", *(f"{one.challenged:,}" for one in sets)],
        ["DENY", *(f"{one.denied:,}" for one in sets)],
        ["precision of DENY", *(percent(one.deny_precision) for one in sets)],
        ["frauds challenged or denied", *(percent(one.touched_recall) for one in sets)],
        ["good payments touched", *(percent(one.good_touched_share) for one in sets)],
    ]
    return table(rows)


def _rules(figures: SetFigures) -> str:
    rows = [["rule", "weight", "hits", "frauds", "precision"]]
    rows += [
        [one.code, one.action or str(one.points), f"{one.hits:,}", f"{one.frauds:,}", percent(one.precision)]
        for one in figures.rules
    ]
    return table(rows)
