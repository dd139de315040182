from __future__ import annotations

import json
from argparse import ArgumentParser, BooleanOptionalAction
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.fraud.management.periods import add_period, moment_asked, period_asked, tenant_asked
from apps.fraud.management.training import add_plan, plan_asked, told, written
from apps.fraud.scorers.artefact import digest_of
from apps.fraud.scorers.trained import Trained
from apps.fraud.services.scorer_register import scorer_register
from apps.fraud.services.training import file_train, scorer_train
from apps.fraud.services.training_rules import NO_RULES, OWN
from kivendtout.lib.clock import event_time, now
from kivendtout.lib.errors import KvtError
from kivendtout.lib.tenancy import tenant_scope


class Command(BaseCommand):
    help = "Train a scorer on stored payments or on a feature matrix, measure it on the latest of them, register it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_period(parser)
        parser.add_argument("--matrix", type=Path, help="a feature matrix, in place of the tenant's stored payments")
        parser.add_argument("--known-on", help="day or moment: labels that arrived later are not known")
        add_plan(parser)
        parser.add_argument("--rules", help=f"rule set beside it: {OWN} (the tenant's), a shipped set, or {NO_RULES}")
        parser.add_argument("--out", type=Path, help="folder for artefact, report and pictures")
        parser.add_argument("--register", action=BooleanOptionalAction, default=True, help="as the tenant's candidate")
        parser.add_argument("--note", default="", help="why it is trained, for whoever reads the list of scorers")

    def handle(self, *args: Any, **options: Any) -> None:
        out, matrix, register = options["out"], options["matrix"], options["register"]
        if not out and not register:
            raise CommandError("With --no-register the scorer would be lost. Give a folder with --out.")
        if matrix is not None and (options["start"] or options["end"]):
            raise CommandError("--from and --to choose among stored payments; a file is taken whole.")
        try:
            if matrix is not None and not register and options["rules"] != OWN:
                trained = self._from_file(options)
            else:
                trained = self._of_tenant(options)
            said: dict[str, Any] = {"digest": digest_of(trained.artefact), "bytes": len(trained.artefact)}
            if out:
                said["files"] = written(trained, out)
            if register:
                said["scorer"] = self._register(trained, options)
        except KvtError as error:
            raise CommandError(error.message) from error
        self.stdout.write(json.dumps(_said(trained, said)) if options["json"] else told(trained, said))

    def _from_file(self, options: dict[str, Any]) -> Trained:
        """No database is asked."""
        on = moment_asked(options["known_on"], "--known-on")
        return file_train(
            path=options["matrix"],
            plan=plan_asked(options),
            known_on=event_time(on) if on else None,
            beside=options["rules"] or NO_RULES,
            progress=self._say(options),
        )

    def _of_tenant(self, options: dict[str, Any]) -> Trained:
        tenant = tenant_asked(options)
        on: datetime | None = moment_asked(options["known_on"], "--known-on", tenant)
        return scorer_train(
            tenant=tenant,
            plan=plan_asked(options),
            now=now(),
            matrix=options["matrix"],
            period=period_asked(options, tenant),
            known_on=on,
            beside=options["rules"] or OWN,
            progress=self._say(options),
        )

    def _register(self, trained: Trained, options: dict[str, Any]) -> int:
        tenant = tenant_asked(options)
        with tenant_scope(tenant.pk):
            scorer = scorer_register(tenant_id=tenant.pk, trained=trained, actor=None, now=now(), note=options["note"])
        number: int = scorer.number
        return number

    def _say(self, options: dict[str, Any]) -> Any:
        return self.stderr.write if options["verbosity"] else lambda _step: None


def _said(trained: Trained, said: dict[str, Any]) -> dict[str, Any]:
    measures = trained.report["measures"]
    return {
        **said,
        "rows": trained.report["payments"],
        "frauds": trained.report["frauds"],
        "auc_roc": measures["auc"],
        "average_precision": measures["average_precision"],
        "recall_at_fpr_2pct": measures["recall_at_2"],
        "card_precision_100": measures["card_precision_100"],
        "brier": measures["brier"],
        "trials": trained.parameters["trials"],
        "seconds": trained.report["seconds"],
        "report": trained.report,
    }
