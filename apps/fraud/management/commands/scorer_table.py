from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from apps.fraud.management.tables import percent, table
from apps.fraud.management.training import add_plan, figure, plan_asked
from apps.fraud.scorers.bar import FPR, RECALL, lines_of, reached
from apps.fraud.services.generated_history import MAP, history_written
from apps.fraud.services.history_import.mapping import read_map
from apps.fraud.services.history_import.service import history_import
from apps.fraud.services.training import file_train
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError


class Command(BaseCommand):
    help = "Train on a generated data set (or a feature matrix) and set the scorer beside rules, on its latest weeks."
    requires_system_checks: list[str] = []  # reads files only; needs neither database nor services

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, help="a folder that generate_dataset made, or a feature matrix")
        parser.add_argument("--features-out", type=Path, help="keep the feature matrix there, to be given next time")
        add_plan(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with TemporaryDirectory(prefix="kvt-table-") as folder:
                matrix = self._matrix(options["source"], options["features_out"], Path(folder))
                trained = file_train(path=matrix, plan=plan_asked(options), known_on=None, progress=self._say)
        except KvtError as error:
            raise CommandError(error.message) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. Nothing was kept of it.", returncode=130) from None
        report = trained.report
        said = {
            "payments": report["payments"], "frauds": report["frauds"], "periods": report["periods"],
            "asked": {"recall": RECALL, "fpr": FPR}, "reached": reached(report),
            "lines": msgspec.to_builtins(lines_of(report)),
        }  # fmt: skip
        self.stdout.write(json.dumps(said, default=str) if options["json"] else told(said))

    def _matrix(self, source: Path, kept: Path | None, folder: Path) -> Path:
        if not source.is_dir():
            return source
        self._say("joining the data set's files")
        history = history_written(source, folder / "history.parquet")
        self._say("replaying its payments")
        matrix = kept or folder / "matrix.parquet"
        history_import(path=history, mapped=read_map(MAP), out=matrix, now=now())
        return matrix

    def _say(self, step: str) -> None:
        self.stderr.write(step)


def told(said: dict[str, Any]) -> str:
    test = said["periods"]["test"]
    rows = [["", "AUC ROC", "avg prec", "recall", "FPR", "scorer's recall there"]]
    for line in said["lines"]:
        points = "" if line["points"] is None else f" at {line['points']} points"
        fpr = f"≤ {FPR:.0%}" if line["fpr"] is None else percent(line["fpr"])
        there = "" if line["points"] is None else percent(line["beaten_by"])
        figures = [figure(line["auc"]), figure(line["average_precision"]), percent(line["recall"])]
        rows.append([line["name"] + points, *figures, fpr, there])
    verdict = "reached" if said["reached"] else "not reached"
    return "\n".join(
        [
            f"{said['payments']:,} payments from {test['from'][:10]} on, {said['frauds']:,} of them frauds:",
            table(rows),
            f"Asked of the scorer: recall of {RECALL:.0%} at an FPR under {FPR:.0%}; {verdict}.",
        ]
    )
