"""Decisions by the names that people have for them, and what open pages show of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.db.models import QuerySet
from django.db.models.functions import Random
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.fraud.models import Decision, FraudAlert

NUMBER: Final = re.compile(r"dec_([1-9][0-9]{0,17})")
# Beyond this nobody needs the exact number, and counting it would cost the database something.
MOST_COUNTED: Final = 10_000


def decision_find(name: str) -> Decision | None:
    """`dec_<number>`, or the payment's own id, among the tenant's decisions."""
    found = Decision.objects.select_related("payment")
    if match := NUMBER.fullmatch(name):
        return found.filter(pk=int(match[1])).first()
    return found.filter(payment__external_id=name).first()


def decisions_all(*, sample: int | None = None) -> Iterator[Decision]:
    """Every decision of the tenant, or as many of them, drawn by lot."""
    decisions: QuerySet[Decision] = Decision.objects.order_by("pk")
    if sample is not None:
        drawn = Decision.objects.order_by(Random()).values_list("pk", flat=True)[:sample]
        decisions = decisions.filter(pk__in=list(drawn))
    return decisions.iterator(chunk_size=500)


def decisions_of_payments(ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """For the rows of the activity page, in the reader's language: two questions a page, whatever its length."""
    found = Decision.objects.filter(pk__in=ids).values_list("pk", "outcome", "score")
    severities = _severities(ids)
    return {pk: _shown(pk, Decision.Outcome(outcome), score, severities.get(pk, "")) for pk, outcome, score in found}


def outcome_label(outcome: int) -> str:
    return {0: _("Allowed"), 1: _("To check"), 2: _("Denied")}[outcome]


def _shown(pk: int, outcome: Decision.Outcome, score: float, severity: str) -> dict[str, Any]:
    return {
        "outcome": outcome.name,
        "label": outcome_label(outcome),
        "severity": severity.lower(),
        "severity_label": str(FraudAlert.Severity(severity).label) if severity else "",
        "score": score,
        # An allowed payment is one of thousands: its chip says so and leads nowhere.
        "url": reverse("admin:fraud_decision_change", args=[pk]) if outcome else "",
    }


def _severities(ids: Iterable[int]) -> dict[int, str]:
    """Of each payment's latest alert."""
    alerts = FraudAlert.objects.filter(payment_id__in=ids).order_by("raised_at", "pk")
    return dict(alerts.values_list("payment_id", "severity"))


def alerts_waiting() -> int:
    """How many nobody has looked at yet, up to a limit."""
    waiting = FraudAlert.objects.filter(status=FraudAlert.Status.PENDING_REVIEW).order_by()
    return waiting[: MOST_COUNTED + 1].count()
