"""The engine without any store: features, rules and decision of one payment, and the split between them."""

from __future__ import annotations

from statistics import median
from time import perf_counter_ns
from typing import Any
from zoneinfo import ZoneInfo

from apps.fraud.engine.decide import Inputs, Policy, decide, judgement_bytes
from apps.fraud.engine.event import Facts
from apps.fraud.engine.features.catalogue import FEATURES, compute_row
from apps.fraud.engine.history import History
from apps.fraud.engine.rules.python_compile import NO_LISTS
from apps.fraud.engine.ruleset import CompiledRuleSet
from apps.fraud.state.layout import LONG, SHORT
from apps.fraud.state.memory_state import MemoryState
from benchmarks.rulesets import shipped
from benchmarks.worlds import payments

WARM, MEASURED = 60_000, 5_000
PARIS = ZoneInfo("Europe/Paris")


def run() -> dict[str, Any]:
    state = MemoryState()
    told = list(payments(WARM + MEASURED))
    for one in told[:WARM]:
        state.observe(1, [one], now=one.at)
    seen = [(one, state.observe(1, [one], now=one.at)[0]) for one in told[WARM:]]
    rows = [compute_row(one, history, PARIS) for one, history in seen]
    return {
        "features": len(FEATURES),
        "rows_in_customer_log": median(len(history.customer.rows) for _one, history in seen),
        "bytes_a_payment": {"customer_log": LONG.size, "other_logs": SHORT.size},
        "features_us": _features(seen),
        "rules_us": {name: _rules(shipped(name), rows) for name in ("kivendtout-original", "recommended")},
        "decide_us": _per(lambda: [judgement_bytes(decide(Inputs(policy=Policy()))) for _n in range(MEASURED)]),
    }


def _features(seen: list[tuple[Facts, History]]) -> float:
    return _per(lambda: [compute_row(one, history, PARIS) for one, history in seen])


def _rules(rules: CompiledRuleSet, rows: list[list[Any]]) -> dict[str, Any]:
    took = _per(lambda: [rules.evaluate(row, NO_LISTS, 0) for row in rows])
    return {"rules": len(rules.rules), "us": took}


def _per(work: Any) -> float:
    """The best of five: what else runs on the machine only ever adds."""
    best = min(_once(work) for _n in range(5))
    return round(best / MEASURED / 1000, 2)


def _once(work: Any) -> int:
    began = perf_counter_ns()
    work()
    return perf_counter_ns() - began
