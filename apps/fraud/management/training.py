"""What the commands about training share: the plan from options, the files, and the figures in words."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import CommandError

from apps.fraud.management.tables import percent, table
from apps.fraud.scorers.trained import Trained
from apps.fraud.scorers.training.plan import Costs, Plan, costs_read

DEFAULT = Plan()
ARTEFACT = "scorer.kvt"


def add_plan(parser: ArgumentParser) -> None:
    parser.add_argument("--label-delay", type=float, metavar="DAYS", help="days that labels need; measured otherwise")
    parser.add_argument("--budget", type=float, default=DEFAULT.budget_minutes, metavar="MINUTES", help="to search in")
    parser.add_argument("--trials", type=int, help="try so many sets of parameters, whatever time it takes")
    parser.add_argument("--seed", type=int, default=DEFAULT.seed, help="the same seed and data give the same scorer")
    parser.add_argument("--features", default="", metavar="NAME,…", help="learn from these only")
    parser.add_argument("--allow", action="append", default=[], metavar="FEATURE", help="it may tell frauds by itself")
    parser.add_argument("--costs", type=Path, metavar="FILE", help="TOML file: what mistakes cost")
    parser.add_argument(
        "--most-touched", type=float, default=DEFAULT.most_touched, metavar="SHARE", help="of good ones"
    )
    parser.add_argument(
        "--most-rows", type=int, default=DEFAULT.most_rows, metavar="N", help="learn from the newest N payments"
    )
    parser.add_argument("--threads", type=int, default=DEFAULT.threads, help="never changes the result")


def plan_asked(options: dict[str, Any]) -> Plan:
    return Plan(
        seed=options["seed"],
        label_delay_days=options["label_delay"],
        budget_minutes=options["budget"],
        trials=options["trials"],
        features=tuple(name.strip() for name in options["features"].split(",") if name.strip()),
        allow=tuple(options["allow"]),
        costs=_costs(options["costs"]),
        most_touched=options["most_touched"],
        most_rows=options["most_rows"],
        threads=options["threads"],
    )


def _costs(path: Path | None) -> Costs:
    if path is None:
        return Costs()
    try:
        return costs_read(path.read_text())
    except OSError as error:
        raise CommandError(f"The costs in {path} cannot be read: {error.strerror}.") from error


def written(trained: Trained, folder: Path) -> list[str]:
    """Everything about the scorer in one folder; nothing in it is needed from a database."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ARTEFACT).write_bytes(trained.artefact)
    told = {
        "report": trained.report,
        "operating": trained.operating,
        "parameters": trained.parameters,
        "baseline": trained.baseline,
        "data_from": trained.data_from,
        "data_until": trained.data_until,
        "known_on": trained.known_on,
        "label_delay_days": trained.label_delay_days,
        "seed": trained.seed,
    }
    for name, value in (("report.json", told), ("operating.json", trained.operating)):
        (folder / name).write_text(json.dumps(msgspec.to_builtins(value), indent=1, ensure_ascii=False) + "\n")
    for (name, language), svg in trained.pictures.items():
        (folder / f"{name}.{language}.svg").write_text(svg)
    return sorted(file.name for file in folder.iterdir() if file.is_file())


def told(trained: Trained, said: dict[str, Any]) -> str:
    report, point = trained.report, trained.operating
    rows = [[name.replace("_", " "), figure(value)] for name, value in report["measures"].items() if _plain(value)]
    lines = [
        f"Learned from {trained.data_from:%Y-%m-%d} to {trained.data_until:%Y-%m-%d}, labels as known on "
        f"{trained.known_on:%Y-%m-%d}, {trained.label_delay_days:g} days between the parts for labels to arrive.",
        f"On {report['payments']:,} later payments, {report['frauds']:,} of them frauds:",
        table(rows),
        "",
        compared(report),
        "",
        f"Challenge from {point.challenge:.3f}, deny from {point.deny:.3f}, weight of the scorer {point.weight:g}.",
    ]
    lines += [f"Scorer #{said['scorer']} is a candidate."] if "scorer" in said else []
    return "\n".join([*lines, f"{said['digest']}, {report['seconds']} s."])


def compared(report: Mapping[str, Any]) -> str:
    """Scorer, rules and a plain regression on the same payments; then each at its own thresholds."""
    heads = ["", "AUC", "average precision", "recall at 1 %", "at 2 %", "at 5 % of good ones", "recall", "good touched"]
    decided, against = report["decided"], report["against"]
    lines = [
        ("scorer", report["measures"], None, None),
        ("as it decides", decided, decided["recall"], decided["good_touched"]),
        *(
            (f"rules {name}", one, one["at"][0]["recall"], one["at"][0]["fpr"])
            for name, one in against["rules"].items()
        ),
        ("regression", against["logistic_regression"], None, None),
    ]
    names = ("auc", "average_precision", "recall_at_1", "recall_at_2", "recall_at_5")
    return table(
        [heads, *([name, *(figure(one[key]) for key in names), percent(recall), percent(touched)]
                  for name, one, recall, touched in lines)]
    )  # fmt: skip


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, float)


def figure(value: float | None) -> str:
    return percent(None) if value is None else f"{value:.4f}"
