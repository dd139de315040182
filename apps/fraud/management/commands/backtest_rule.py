from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from apps.fraud.engine.rules import RuleSyntaxError
from apps.fraud.engine.ruleset import Parameter
from apps.fraud.management.periods import add_period, period_asked, tenant_asked
from apps.fraud.management.tables import euros, percent, table
from apps.fraud.services.backtest import rule_backtest
from apps.fraud.services.backtest_result import BacktestResult, Beyond
from kivendtout.lib.errors import KvtError


class Command(BaseCommand):
    help = "Tell what a rule would have done over stored payments, alone and beside the rules that are live."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("expression", help="the rule's condition, such as: amount_eur > 100 AND first_purchase")
        add_period(parser)
        parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter; repeat")
        parser.add_argument("--features", type=Path, help="a matrix made by export_features, in place of the cache")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_asked(options)

        def say(replayed: int, _rows: int) -> None:
            if options["verbosity"]:
                self.stderr.write(f"\rpreparing features: {replayed:,} payments", ending="")

        try:
            result = rule_backtest(
                tenant_id=tenant.pk,
                expression=options["expression"],
                parameters=dict(_parameter(text) for text in options["param"]),
                period=period_asked(options, tenant),
                features=options["features"],
                progress=say,
            )
        except RuleSyntaxError as error:
            raise CommandError(_pointed(options["expression"], error)) from error
        except KvtError as error:
            raise CommandError(error.message) from error
        if result.exported and options["verbosity"]:
            self.stderr.write("")
        self.stdout.write(json.dumps(msgspec.to_builtins(result)) if options["json"] else _told(result))


def _parameter(text: str) -> tuple[str, Parameter]:
    name, found, value = text.partition("=")
    if not found:
        raise CommandError(f"--param takes name=value, such as limit=100; not {text!r}.")
    if value.lower() in ("true", "false"):
        return name, value.lower() == "true"
    try:
        return name, float(value) if not value.lstrip("-").isdigit() else int(value)
    except ValueError:
        return name, value


def _pointed(expression: str, error: RuleSyntaxError) -> str:
    """The line that is wrong, its characters marked, and the sentence."""
    before = expression[: error.position]
    start = before.rfind("\n") + 1
    line = expression[start:].split("\n", 1)[0].replace("\t", " ")
    marks = "^" * max(1, min(error.length, len(line) - (error.position - start)))
    return f"the expression cannot be read.\n\n  {line}\n  {' ' * (error.position - start)}{marks}\n{error.message}"


def _told(result: BacktestResult) -> str:
    if not result.payments:
        return "No payment lies in this period."
    rows = [
        ["hits", f"{result.hits:,}", f"of {result.payments:,} payments, {result.customers_hit:,} customers"],
        ["frauds hit", f"{result.frauds_hit:,}", f"of {result.frauds:,}; {result.frauds_missed:,} missed"],
        ["good payments hit", f"{result.good_hit:,}", f"of {result.good:,}: {percent(result.good_share_hit)}"],
        ["good customers hit", f"{result.good_customers_hit:,}", f"of {result.good_customers:,}"],
        ["precision", percent(result.precision), ""],
        ["recall", percent(result.recall), ""],
        ["money stopped", euros(result.money_stopped_eur), f"{euros(result.money_missed_eur)} of fraud missed"],
        ["money annoyed", euros(result.money_annoyed_eur), ""],
    ]
    lines = [f"{result.first_at:%Y-%m-%d} to {result.last_at:%Y-%m-%d}", table(rows, left=(0, 2))]
    if result.ruleset:
        rows = [["rule", "its hits", "in common", "of these hits", "of its hits"]]
        rows += [
            [one.code, f"{one.hits:,}", f"{one.common:,}", percent(one.share_of_hits), percent(one.share_of_rule)]
            for one in result.overlap
        ]
        lines += ["", f"Beside {result.ruleset}:", table(rows)]
        lines += [
            f"Hit by none of them: {_added(result.beyond)}.",
            f"Let through by them: {_added(result.let_through)}.",
        ]
    if result.not_compared:
        lines.append(f"Not compared, as they read features that this matrix lacks: {', '.join(result.not_compared)}.")
    return "\n".join([*lines, f"{result.seconds} s."])


def _added(beyond: Beyond) -> str:
    frauds = f"{beyond.frauds:,} frauds ({euros(beyond.fraud_eur)})"
    return f"{frauds} and {beyond.good:,} good payments ({euros(beyond.good_eur)})"
