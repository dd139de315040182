"""Make a stored decision again, and say whether it comes out the same to the byte."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict
from time import monotonic
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from apps.compliance.models import Tenant
from apps.fraud.models import Decision
from apps.fraud.selectors.decision_search import NUMBER, decision_find, decisions_all
from apps.fraud.services.replay import Replay, decision_replay
from kivendtout.lib.tenancy import across_tenants, tenant_scope

# Of a run over many, so many that differ are named one by one.
MOST_NAMED: Final = 20


class Command(BaseCommand):
    help = "Recomputes a decision from its stored row, rule set and lists, and compares it byte for byte."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", nargs="?", help="dec_<number>, or the payment's id together with --tenant")
        parser.add_argument("--tenant", help="slug of the tenant")
        parser.add_argument("--all", action="store_true", help="every decision instead of one")
        parser.add_argument("--sample", type=int, help="with --all: so many of them, drawn by lot")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["id"]) == options["all"]:
            raise CommandError("Name one decision, or say --all.")
        if options["sample"] is not None and (not options["all"] or options["sample"] < 1):
            raise CommandError("--sample takes a number above zero, together with --all.")
        with self._scope(options):
            told = self._many(options["sample"]) if options["all"] else self._one(options["id"])
        if options["json"]:
            self.stdout.write(json.dumps(told, ensure_ascii=False))
        else:
            self._say(told)
        if not told["identical"]:
            raise SystemExit(1)

    def _scope(self, options: dict[str, Any]) -> AbstractContextManager[None]:
        if not options["tenant"]:
            if options["id"] and not NUMBER.fullmatch(options["id"]):
                raise CommandError("Payments of two tenants may have the same id. Name the tenant with --tenant.")
            return across_tenants()
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {options['tenant']!r}.")
        return tenant_scope(tenant.pk)

    def _one(self, name: str) -> dict[str, Any]:
        decision = decision_find(name)
        if decision is None:
            raise CommandError(f"There is no decision {name!r}. Check the id, and the tenant.")
        return {"payment_id": decision.payment.external_id, **_told(decision, decision_replay(decision=decision))}

    def _many(self, sample: int | None) -> dict[str, Any]:
        began = monotonic()
        count, differing = self._replayed(decisions_all(sample=sample))
        if not count:
            raise CommandError("There is no decision to replay. Check the tenant.")
        return {
            "identical": not differing,
            "decisions": count,
            "differing": len(differing),
            "examples": differing[:MOST_NAMED],
            "seconds": round(monotonic() - began, 2),
        }

    def _replayed(self, decisions: Iterable[Decision]) -> tuple[int, list[dict[str, Any]]]:
        count, differing = 0, []
        for count, decision in enumerate(decisions, start=1):  # noqa: B007  # the last number is the count
            replay = decision_replay(decision=decision)
            if not replay.identical:
                differing.append(_told(decision, replay))
        return count, differing

    def _say(self, told: dict[str, Any]) -> None:
        if "decisions" in told:
            self.stdout.write(f"{told['decisions']:,} decisions in {told['seconds']} s, {told['differing']:,} differ.")
        for one in told.get("examples", [told]):
            self.stdout.write(f"{one['decision_id']}: identical {str(one['identical']).lower()}")
            for difference in one["differences"]:
                self.stdout.write(f"  {difference['part']}")
                self.stdout.write(f"    stored   {difference['stored']}")
                self.stdout.write(f"    computed {difference['computed']}")


def _told(decision: Decision, replay: Replay) -> dict[str, Any]:
    return {
        "decision_id": str(decision),
        "identical": replay.identical,
        "differences": [asdict(one) for one in replay.differences],
    }
