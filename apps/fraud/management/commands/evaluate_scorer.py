from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.fraud.management.periods import add_period, moment_asked, period_asked, tenant_asked
from apps.fraud.management.tables import table
from apps.fraud.management.training import figure
from apps.fraud.models import ScorerArtefact
from apps.fraud.scorers.training.evaluate import evaluate
from apps.fraud.services.training_rows import training_matrix
from kivendtout.lib.clock import event_time
from kivendtout.lib.errors import KvtError
from kivendtout.lib.tenancy import tenant_scope


class Command(BaseCommand):
    help = "Measure a scorer on stored payments or on a feature matrix."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--scorer", type=int, metavar="NUMBER", help="a registered one")
        which.add_argument("--artefact", type=Path, help="a file that train_scorer --out made")
        add_period(parser)
        parser.add_argument("--matrix", type=Path, help="a feature matrix, in place of the tenant's stored payments")
        parser.add_argument("--known-on", help="day or moment: labels that arrived later are not known")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = self._evaluated(options, self._artefact(options))
        except KvtError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        rows = [[name.replace("_", " "), figure(value)] for name, value in found.items() if not isinstance(value, int)]
        self.stdout.write(f"{found['rows']:,} payments, {found['frauds']:,} of them frauds.\n{table(rows)}")

    def _artefact(self, options: dict[str, Any]) -> bytes:
        if options["artefact"] is not None:
            try:
                content: bytes = options["artefact"].read_bytes()
            except OSError as error:
                raise CommandError(f"{options['artefact']} cannot be read: {error.strerror}.") from error
            return content
        tenant, number = tenant_asked(options), options["scorer"]
        with tenant_scope(tenant.pk):
            kept = ScorerArtefact.objects.filter(scorer__number=number).values_list("content", flat=True).first()
        if kept is None:
            raise CommandError(f"There is no scorer #{number}. `manage.py scorers list` names those there are.")
        return bytes(kept)

    def _evaluated(self, options: dict[str, Any], encoded: bytes) -> dict[str, Any]:
        matrix = options["matrix"]
        if matrix is not None:
            # A file has its own clock: days are UTC's, and no database is asked.
            begins, ends, on = (moment_asked(options[one], f"--{one}") for one in ("start", "end", "known_on"))
            return evaluate(encoded, matrix, begins=_at(begins), ends=_at(ends), known_on=_at(on))
        tenant = tenant_asked(options)
        on = moment_asked(options["known_on"], "--known-on", tenant)
        with TemporaryDirectory(prefix="kvt-evaluate-") as folder:
            path = Path(folder) / "matrix.parquet"
            training_matrix(tenant=tenant, path=path, period=period_asked(options, tenant), known_on=on)
            return evaluate(encoded, path)


def _at(moment: Any) -> int | None:
    return event_time(moment) if moment else None
