"""How the command about scorers puts what it found: lines for a terminal, and the same as one object."""

from __future__ import annotations

from typing import Any

import msgspec

from apps.fraud.management.tables import euros, percent, table
from apps.fraud.models import Scorer, ScorerChange
from apps.fraud.services.scorer_compare import LEAST_FRAUDS, LEAST_GENUINE, Comparison

MEASURES = ("auc", "average_precision", "recall_at_1", "recall_at_2", "card_precision_100", "brier")
VERDICTS = {
    "challenger": "The challenger is better, and that is no luck.",
    "champion": "The champion is better, and that is no luck.",
    "chance": "The difference could be chance.",
}


def described(scorer: Scorer) -> dict[str, Any]:
    told = scorer.report.get("measures") or {}
    return {
        "number": scorer.number,
        "stage": scorer.stage,
        "digest": scorer.digest,
        "catalogue_version": scorer.catalogue_version,
        "data_from": scorer.data_from.isoformat(),
        "data_until": scorer.data_until.isoformat(),
        "made_at": scorer.made_at.isoformat(),
        "note": scorer.note,
        "mlflow_run": scorer.run_id,
        "operating": scorer.operating,
        "measures": {name: told.get(name) for name in MEASURES},
    }


def listed(scorers: list[Scorer]) -> str:
    if not scorers:
        return "No scorer yet: train one with `train_scorer`."
    rows = [("", "scorer", "stage", "AUC", "AP", "recall at 2%", "learned from", "made", "note")]
    for one in scorers:
        told = one.report.get("measures") or {}
        mark = "*" if one.stage == Scorer.Stage.CHAMPION else ""
        rows.append(
            (mark, f"#{one.number}", one.stage, _digits(told.get("auc")), _digits(told.get("average_precision")),
             percent(told.get("recall_at_2")), f"{one.data_from:%Y-%m-%d} to {one.data_until:%Y-%m-%d}",
             f"{one.made_at:%Y-%m-%d}", one.note)
        )  # fmt: skip
    return table(rows, left=(0, 1, 2, 6, 7, 8))


def shown(scorer: Scorer) -> str:
    told = scorer.report.get("measures") or {}
    lines = [
        ("scorer", f"#{scorer.number}, {scorer.stage}"),
        ("artefact", scorer.digest),
        ("catalogue", scorer.catalogue_version),
        ("learned from", f"{scorer.data_from:%Y-%m-%d} to {scorer.data_until:%Y-%m-%d}"),
        ("labels as known on", f"{scorer.known_on:%Y-%m-%d %H:%M}"),
        ("operating point", ", ".join(f"{name} {value:g}" for name, value in scorer.operating.items())),
        *((name, _digits(told.get(name))) for name in MEASURES),
        ("MLflow run", scorer.run_id or "not registered yet: `scorers sync`"),
        ("note", scorer.note or "–"),
    ]
    return table(lines, left=(0, 1))


def change_described(change: ScorerChange) -> dict[str, Any]:
    return {
        "change": change.pk,
        "kind": change.kind,
        "state": change.state,
        "before": change.before,
        "after": change.after,
        "statement": change.statement,
        "note": change.note,
        "asked_by": str(change.asked_by or ""),
        "settled_by": str(change.settled_by or ""),
    }


def statement(told: dict[str, Any]) -> str:
    """What will change, in lines."""
    if told.get("source") != "decisions":
        return "Nothing has been decided lately: see the scorer's report for what was measured on its test period."
    before, after = told["before"], told["after"]
    rows = [("a day", "now", "then")]
    for name, label, draw in (
        ("alerts", "alerts", _count),
        ("customers_challenged", "customers asked", _count),
        ("customers_declined", "customers declined", _count),
        ("declined_eur", "euros declined", euros),
        ("frauds_caught", "labelled frauds caught", percent),
        ("good_touched", "good payments touched", percent),
    ):
        rows.append((label, draw(before[name]), draw(after[name])))
    return f"{table(rows)}\nFrom {told['payments']} of about {told['of']} payments, {told['days']} days."


def compared(found: Comparison) -> str:
    who = f"#{found.champion}" if found.champion else "the rules"
    counts = f"{found.labelled} labelled, {found.frauds} frauds"
    head = f"{found.payments} payments scored by #{found.challenger} and {who}; {counts}."
    if not found.enough:
        return f"{head}\nToo few labels yet: at least {LEAST_FRAUDS} frauds and {LEAST_GENUINE} genuine payments."
    mine, theirs = msgspec.to_builtins(found.challenger_figures), msgspec.to_builtins(found.champion_figures)
    rows = [("", who, f"#{found.challenger}")]
    rows += [(name, _digits(theirs[name]), _digits(mine[name])) for name in mine]
    return f"{head}\n{table(rows)}\n{VERDICTS[found.verdict]}"


def _digits(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _count(value: float) -> str:
    return f"{value:,.1f}"
