"""How long labels take to arrive, by what has arrived so far.

Labels of young payments are the quick ones: the slow ones are still on their way. Counted plainly, delays would look
shorter than they are. So each day's share is estimated among the payments old enough to show it (the product-limit
estimator turned round for truncation on the right, as for claims that are reported late). What it cannot know is said:
all shares are of the labels that arrive within the longest time observed, `horizon_days`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from django.db import connection

SHARES_AFTER: Final = (1, 3, 7, 14, 30, 60)
# Chargebacks may come 120 days after the payment, and their verdicts later; a label of beyond tells nothing of delays.
LONGEST_DAYS: Final = 365
# A share from fewer labels is a guess; it is told, and not proposed.
ENOUGH: Final = 20
PROPOSED_SHARE: Final = 0.9
# Whole days, so that a label and its payment's age are counted alike: a delay of 3.2 days has come by day 4, and a
# payment of 3.5 days has been seen for 3.
_COUNTS: Final = """
SELECT source, is_fraud, pattern, greatest(ceil(delay / 86400), 0)::int, least(floor(age / 86400), %(longest)s)::int,
       count(*)
FROM (
    SELECT {what}, extract(epoch FROM l.known_at - r.attempted_at) AS delay,
           extract(epoch FROM %(on)s::timestamptz - r.attempted_at) AS age
    FROM fraud_fraudlabel l JOIN payments_paymentreference r ON r.id = l.payment_id
    WHERE l.tenant_id = %(tenant)s AND l.known_at <= %(on)s::timestamptz {only}
    {once}
) told
WHERE ceil(delay / 86400) <= least(floor(age / 86400), %(longest)s)
GROUP BY 1, 2, 3, 4, 5
"""
_EACH: Final = _COUNTS.format(what="l.source, l.is_fraud, l.pattern", only="", once="")
# Whoever was first to say so: from then on a training may know.
_FIRST: Final = _COUNTS.format(
    what="DISTINCT ON (l.payment_id) '' AS source, l.is_fraud, '' AS pattern",
    only="AND l.is_fraud",
    once="ORDER BY l.payment_id, l.known_at",
)
Counts = Mapping[tuple[int, int], int]
"""Labels by (days of delay, days that their payment has been seen for)."""


class Delays(NamedTuple):
    labels: int
    horizon_days: int
    """As long as enough payments were seen for: what comes later is not in the shares."""
    share_after: dict[int, float | None]
    """None: no payment has been seen for so long."""
    median: int | None
    p90: int | None


class Group(NamedTuple):
    source: str
    """Empty for whichever source spoke first."""
    is_fraud: bool
    pattern: str
    """Empty for all kinds together."""
    delays: Delays


class LabelDelays(NamedTuple):
    on: datetime
    groups: list[Group]
    first: Delays
    """Of frauds, until the first source said so."""
    proposed: int | None
    """Days by which nine in ten labels of fraud have arrived; None where too few labels tell."""


def label_delays(tenant_id: int, *, on: datetime) -> LabelDelays:
    """Of the labels that stand and were known by then, since when each says what it says."""
    found: dict[tuple[str, bool, str], dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
    for source, is_fraud, pattern, delay, age, count in _counted(_EACH, tenant_id, on):
        for kind in {"", pattern} if is_fraud else {""}:
            found[source, is_fraud, kind][delay, age] += count
    groups = [Group(*key, delays_of(counts)) for key, counts in sorted(found.items(), key=_fraud_first)]
    first = delays_of({(delay, age): count for *_group, delay, age, count in _counted(_FIRST, tenant_id, on)})
    return LabelDelays(on, groups, first, first.p90 if first.labels >= ENOUGH else None)


def delays_of(counts: Counts) -> Delays:
    """F(d) = ∏ over u > d of 1 − (labels that took u days) / (labels that took at most u, of payments seen for u)."""
    if not counts:
        return Delays(0, 0, dict.fromkeys(SHARES_AFTER), None, None)
    exactly, seen = _by_day(counts)
    enough = min(ENOUGH, sum(counts.values()))
    # One old payment with one slow label would decide about all the rest.
    horizon = next((day for day in range(len(seen) - 1, 0, -1) if seen[day] >= enough), 0)
    share, shares = 1.0, [1.0] * (horizon + 1)
    for day in range(horizon, 0, -1):
        if exactly[day]:
            share *= 1 - exactly[day] / seen[day]
        shares[day - 1] = share
    after = {day: shares[day] if day <= horizon else None for day in SHARES_AFTER}
    return Delays(sum(counts.values()), horizon, after, _day_of(shares, 0.5), _day_of(shares, PROPOSED_SHARE))


def _by_day(counts: Counts) -> tuple[list[int], list[int]]:
    """Labels that took exactly so many days; and at most so many, of payments seen for at least as many."""
    days = max(age for _delay, age in counts) + 1
    exactly, aged, seen = [0] * (days + 1), [0] * (days + 1), [0] * (days + 1)
    for (delay, age), count in counts.items():
        exactly[delay] += count
        aged[age] += count
    for day in range(days - 1, -1, -1):
        seen[day] = seen[day + 1] - exactly[day + 1] + aged[day]
    return exactly, seen[:days]


def _day_of(shares: list[float], share: float) -> int:
    # Nine tenths made of thirds and fifths may miss themselves by the last bit.
    return next(day for day, reached in enumerate(shares) if reached >= share - 1e-9)


def _counted(sql: str, tenant_id: int, on: datetime) -> Iterable[tuple[str, bool, str, int, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"tenant": tenant_id, "on": on, "longest": LONGEST_DAYS})
        return list(cursor.fetchall())


def _fraud_first(one: tuple[tuple[str, bool, str], Counts]) -> tuple[bool, str, str]:
    (source, is_fraud, pattern), _counts = one
    return not is_fraud, source, pattern
