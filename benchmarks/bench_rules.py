"""The sixteen original rules on one row: ours, and the same conditions in rule-engine and zen-engine."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from statistics import median
from time import perf_counter_ns
from typing import Any

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.engine.rules.python_compile import NO_LISTS
from apps.fraud.services.rule_files import shipped_rules
from benchmarks.rulesets import shipped

ROUNDS = 300
# The same conditions in the words that both others share. A feature that is missing makes none of them true.
WORDS = {" AND ": " and ", " = ": " == ", " <> ": " != "}
ROW = {
    "previous_payments": 3, "account_age_days": 40.0, "hour": 14, "device_kind": "ios", "utm_source": "direct",
    "failed": False, "customer_attempts_10m": 2, "new_device": False, "amount_ratio": 1.4, "seconds_since_cart": 90.0,
    "payment_country": "FR", "profile_country": "FR", "amount_eur": 60.0, "first_purchase": False, "is_mobile": True,
    "first_payment": False, "device_ip_change_1h": False, "payment_profile_mismatch": False,
}  # fmt: skip


def run() -> dict[str, Any]:
    row = [ROW.get(name) for name in CATALOGUE]
    rules = shipped("kivendtout-original")
    hits = [hit.code for hit in rules.evaluate(row, NO_LISTS, 0)]
    told: dict[str, Any] = {
        "rules": len(rules.rules),
        "hits": hits,
        "ours_us": _per(lambda: rules.evaluate(row, NO_LISTS, 0)),
    }
    for name, build in (("rule_engine", _rule_engine), ("zen_engine", _zen_engine)):
        try:
            work = build()
        except ImportError:
            told[f"{name}_us"] = "not installed; it stands in the extra `bench`"
            continue
        told[f"{name}_us"] = _per(work)
        told[f"{name}_times_ours"] = round(told[f"{name}_us"] / told["ours_us"])
    return told


def _conditions(words: dict[str, str]) -> list[str]:
    """The shipped expressions use AND, =, <> and comparisons; that is all there is to translate."""
    told = []
    for rule in shipped_rules(name="kivendtout-original"):
        text = rule.expression
        for ours, theirs in words.items():
            text = text.replace(ours, theirs)
        told.append(text)
    return told


def _rule_engine() -> Callable[[], list[bool]]:
    engine = import_module("rule_engine")
    context = engine.Context(default_value=None)
    compiled = [engine.Rule(text, context=context) for text in _conditions(WORDS)]
    facts = {name: ROW.get(name) for name in CATALOGUE}
    return lambda: [rule.matches(facts) for rule in compiled]


def _zen_engine() -> Callable[[], list[Any]]:
    zen = import_module("zen")
    compiled = [zen.compile_expression(text) for text in _conditions(WORDS)]
    facts = {name: ROW.get(name) for name in CATALOGUE}
    return lambda: [expression.evaluate(facts) for expression in compiled]


def _per(work: Callable[[], Any]) -> float:
    times = []
    for _round in range(ROUNDS):
        began = perf_counter_ns()
        work()
        times.append(perf_counter_ns() - began)
    return round(median(times) / 1000, 2)
