"""Where the engine's row and the oracle's differ, in words; and what feature state promises of late payments."""

from __future__ import annotations

from collections.abc import Iterable
from math import isclose
from typing import Any, Final

from apps.fraud.engine.event import Facts
from apps.fraud.engine.features import risk
from apps.fraud.engine.features.catalogue import FEATURES
from apps.fraud.engine.features.feature import Feature, Value
from tests.engine.oracle.rows import Row

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
# What docs/features.md says of a merchant's counts: the period, how many of it are read, how many are kept.
KEPT: Final = {
    "10m": (MINUTE, 10, 120), "1h": (MINUTE, 60, 120), "24h": (HOUR, 24, 48), "7d": (DAY, 7, 60), "30d": (DAY, 30, 60),
}  # fmt: skip
# These are read from verdicts, whatever a merchant's counts still hold.
OF_VERDICTS: Final = {"merchant_frauds_30d", *(one.name for one in risk.FEATURES)}
KINDS: Final = {"number": float, "integer": int, "boolean": bool, "text": str}


def differences(facts: Facts, row: Iterable[Value], expected: Row, *, newest: int | None = None) -> list[str]:
    """`newest` is the time of the latest payment at this merchant that feature state has met, if that may be later."""
    return [
        f"{facts.payment_id} {feature.name}: engine {value!r}, oracle {expected[feature.name]!r}"
        for feature, value in zip(FEATURES, row, strict=True)
        if (newest is None or promised(feature, facts.at, newest)) and not _same(feature, value, expected[feature.name])
    ]


def promised(feature: Feature, at: int, newest: int) -> bool:
    if feature.owner != "merchant" or feature.name in OF_VERDICTS:
        return True
    period, read, kept = KEPT[feature.window or ""]
    return at // period - read > newest // period - kept


def newest_at_merchants(facts: Iterable[Facts]) -> dict[str | None, int]:
    newest: dict[str | None, int] = {}
    for one in facts:
        newest[one.merchant] = max(one.at, newest.get(one.merchant, 0))
    return newest


def _same(feature: Feature, value: Value, expected: Any) -> bool:
    if value is None or expected is None:
        return value is expected
    if feature.kind == "number":
        return isclose(float(value), expected, rel_tol=1e-9)
    return type(value) is KINDS[feature.kind] and value == expected
