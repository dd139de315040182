from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from apps.fraud.services.handbook import Protocol, handbook_run
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError


class Command(BaseCommand):
    help = "Run the Fraud Detection Handbook's own protocol on its transactions, and say whether the bar is reached."
    requires_system_checks: list[str] = []  # reads files only; needs neither database nor services

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the handbook's transactions, or a feature matrix made of them")
        parser.add_argument("--features-out", type=Path, help="keep the feature matrix there, to be given next time")
        parser.add_argument(
            "--select", action="store_true", help="first choose the parameters again, on weeks before the first test"
        )
        parser.add_argument("--threads", type=int, default=2, help="never changes the result (2)")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with TemporaryDirectory(prefix="kvt-handbook-") as folder:
                done = handbook_run(
                    path=options["file"],
                    matrix=options["features_out"] or Path(folder) / "matrix.parquet",
                    now=now(),
                    select=options["select"],
                    threads=options["threads"],
                    progress=self._say if options["verbosity"] else lambda _step: None,
                )
        except KvtError as error:
            raise CommandError(error.message) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. Nothing was kept of it.", returncode=130) from None
        self.stdout.write(json.dumps(msgspec.to_builtins(done)) if options["json"] else told(done))

    def _say(self, step: str) -> None:
        self.stderr.write(step)


def told(done: Protocol) -> str:
    lines = [
        f"{'training from':<16}{'learned':>9}{'tested':>9}{'frauds':>8}{'AUC ROC':>9}{'avg prec':>10}{'card@100':>10}"
    ]
    for week in done.weeks:
        figures = f"{week.auc:>9.4f}{week.average_precision:>10.4f}{week.card_precision_100:>10.4f}"
        lines.append(f"{week.start:<16}{week.learned:>9,}{week.tested:>9,}{week.frauds:>8}{figures}")
    mean, floors = done.mean, done.floors
    lines.append(f"{'mean':<42}{mean.auc:>9.4f}{mean.average_precision:>10.4f}{mean.card_precision_100:>10.4f}")
    lines.append(f"{'asked':<42}" + "".join(f"{floors[name]:>{width}.4f}" for name, width in _WIDTHS.items()))
    lines.append("The bar is reached." if all(done.reached.values()) else "The bar is not reached.")
    if done.choices:
        lines += ["", f"Chosen on the weeks of training from {', '.join(done.chosen_on)}:"]
        for one in done.choices:
            figures = f"{one.mean.auc:.4f} {one.mean.average_precision:.4f} {one.mean.card_precision_100:.4f}"
            lines.append(f"  {one.name:<40}{figures}")
    lines.append(f"Parameters: {done.settings.parameters}, {done.settings.rounds} rounds.")
    return "\n".join(lines)


_WIDTHS = {"auc": 9, "average_precision": 10, "card_precision_100": 10}
