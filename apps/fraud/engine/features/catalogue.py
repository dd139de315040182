"""Every feature there is, in the order of a row. The parser, both compilers, the docs and the console read this."""

from __future__ import annotations

from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

from apps.fraud.engine.event import Facts
from apps.fraud.engine.features import distinct, habits, merchant, payment, places, risk, velocity, verdicts, visit
from apps.fraud.engine.features.case import Case
from apps.fraud.engine.features.feature import Feature, Group, Value
from apps.fraud.engine.history import History

GROUPS: Final[tuple[Group, ...]] = (
    payment.GROUP,
    places.GROUP,
    *velocity.GROUPS,
    distinct.GROUP,
    habits.GROUP,
    merchant.GROUP,
    verdicts.GROUP,
    risk.GROUP,
    visit.GROUP,
)
FEATURES: Final[tuple[Feature, ...]] = tuple(feature for group in GROUPS for feature in group.features)
CATALOGUE: Final[dict[str, Feature]] = {feature.name: feature for feature in FEATURES}
INDEX: Final[dict[str, int]] = {feature.name: position for position, feature in enumerate(FEATURES)}
# A stored row is only as good as the names of its columns: decisions carry this beside the row.
COLUMNS: Final = "\n".join(
    f"{one.name} {one.kind}" if one.version == 1 else f"{one.name} {one.kind} v{one.version}" for one in FEATURES
)
VERSION: Final = sha256(COLUMNS.encode()).hexdigest()[:12]
_COMPUTERS: Final = tuple(group.compute for group in GROUPS)

assert len(CATALOGUE) == len(FEATURES), "a feature is declared twice"


def compute_row(facts: Facts, history: History | None, zone: ZoneInfo) -> list[Value]:
    """The payment's feature row. Without history, everything that looks back is None."""
    case = Case(facts, history, zone)
    row: list[Value] = []
    for compute in _COMPUTERS:
        row += compute(case)
    return row
