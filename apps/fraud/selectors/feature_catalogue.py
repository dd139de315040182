"""The feature catalogue as a page: every feature, read from its declaration, so that the two cannot disagree."""

from __future__ import annotations

from itertools import groupby
from textwrap import fill

from apps.fraud.engine.features.catalogue import FEATURES, VERSION
from apps.fraud.engine.features.feature import Feature
from apps.fraud.state.keys import DAY, KEPT_ROWS, LIFE, MOST_EVENTS, MOST_ROWS, MOST_VERDICTS, VISIT_SECONDS
from apps.fraud.state.layout import RINGS

INTRODUCTION = """# Features

Made by `manage.py feature_catalogue` from `apps/fraud/engine/features/`; a test fails when it is out of date.
{count} features, catalogue version `{version}`. The version changes with names and types: a stored row is read by it.

## What every sentence means

- **Time** is the event's own (`attempted_at`, to the microsecond), whatever came in when.
- **Earlier** is a total order: by time, then by the first eight bytes of the SHA-256 of the payment's id. So two
  payments of one instant see each other one way round only, and always the same way.
- **A window** of ten minutes holds payments from exactly ten minutes before this one up to this one. A day is 24 hours,
  whatever the clocks do. "This one included" adds the payment itself. Without a window, all earlier payments count.
- **Successes and failures** are counted as they are known now: a payment judged before a result came does not count it.
- **Euros** are reckoned at the reference rates, in whole cents, half a cent up. A payment in a currency without one
  adds nothing to sums and averages of a customer; a merchant's average divides its sum by all its attempts.
- **A merchant's windows** are whole minutes, hours and days of UTC before the one in which the payment falls.
- **Local time** is that of the tenant's time zone.
- **A label** counts from the moment it became known. Of several on one payment the newest speaks; of two as new as each
  other, the one that says fraud.
- **The country of the bill** is the one told with the payment. **A distance** is that between the middles of two
  countries.
- **Missing** (empty, `NULL` in a rule) means what the last column says; a feature that looks back is also missing when
  feature state did not answer.

## What late and repeated events change

Features are the same in whatever order payments, results and labels arrive, and however often: the tests compare them
with SQL over the stored rows (`tests/engine/oracle/`), in order, shuffled, with duplicates, and with eight scorers at
once. Four limits keep the memory of an entity bounded:

"""
LIMITS = (
    "**A merchant** is counted in {minutes} minutes, {hours} hours and {days} days up to its newest payment. For a "
    "payment that is told late, or judged again, its windows of 10 minutes and an hour are exact while it is less than "
    "an hour older than that newest one, that of 24 hours while less than a day older, those of 7 and 30 days while "
    "less than 30 days older. In order of time they are always exact.",
    "**A customer's** newest {rows_kept} to {rows_most} payments are kept one by one, {others_kept} to {others_most} "
    "of a device, card or address. What is older is folded into counts: averages, first sights and what is new stay as "
    "they were, windows count up to what is kept, and a message about a payment not newer than the fold changes "
    "nothing.",
    "**Verdicts**: the newest {verdicts} of a customer, device or card, the newest {merchant_verdicts} of a merchant.",
    "**Visits**: the newest {visit_events} events of a visit, for {visit_days} days after the last. Only live state "
    "knows them: a rebuild, a backtest or an export has no value for what they tell. A decision's stored row keeps it.",
    "**Time**: an entity without a payment is forgotten, {life}.",
)
OWNERS = {
    "payment": "The payment",
    "place": "Places",
    "customer": "The customer",
    "device": "The device",
    "card": "The card",
    "ip": "The network address",
    "merchant": "The merchant",
    "session": "The visit",
}


def catalogue_markdown() -> str:
    order = list(OWNERS)
    features = sorted(FEATURES, key=lambda feature: order.index(feature.owner))
    limits = [fill(f"- {one.format(**_limits())}", 120, subsequent_indent="  ") for one in LIMITS]
    parts = [INTRODUCTION.format(count=len(FEATURES), version=VERSION) + "\n".join(limits) + "\n"]
    for owner, owned in groupby(features, key=lambda feature: feature.owner):
        parts.append(f"## {OWNERS[owner]}\n\n{_table(list(owned))}\n")
    return "\n".join(parts)


def _limits() -> dict[str, int | str]:
    """As the code has them, so that the page cannot promise other ones."""
    (_minute, minutes), (_hour, hours), (_day, days) = RINGS
    return {
        "minutes": minutes,
        "hours": hours,
        "days": days,
        "rows_kept": KEPT_ROWS["customer"],
        "rows_most": MOST_ROWS["customer"],
        "others_kept": KEPT_ROWS["device"],
        "others_most": MOST_ROWS["device"],
        "verdicts": MOST_VERDICTS["customer"],
        "merchant_verdicts": MOST_VERDICTS["merchant"],
        "visit_events": MOST_EVENTS,
        "visit_days": VISIT_SECONDS // DAY,
        "life": ", ".join(f"{OWNERS[owner].lower()} after {seconds // DAY} days" for owner, seconds in LIFE.items()),
    }


def _table(features: list[Feature]) -> str:
    lines = ["| name | type | window | owner | French | English | missing means |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| `{one.name}` | {one.kind} | {one.window or ''} | {one.owner} | {one.fr} | {one.en} | {one.missing} |"
        for one in features
    ]
    return "\n".join(lines)
