"""What open pages show of decisions: a chip a payment, and how many alerts wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.fraud.models import Decision, FraudAlert

# Beyond this nobody needs the exact number, and counting it would cost the database something.
MOST_COUNTED: Final = 10_000


def decisions_of_payments(ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """By payment, in the reader's language. One question, however many there are."""
    alerts = FraudAlert.objects.filter(payment_id=OuterRef("pk")).order_by("-raised_at", "-pk")
    found = Decision.objects.filter(pk__in=ids).annotate(severity=Subquery(alerts.values("severity")[:1]))
    rows = found.order_by().values_list("pk", "outcome", "score", "severity")
    return {pk: _chip(pk, Decision.Outcome(outcome), score, severity or "") for pk, outcome, score, severity in rows}


def outcome_label(outcome: int) -> str:
    """What became of the payment, as people say it."""
    return {0: _("Allowed"), 1: _("To check"), 2: _("Denied")}[outcome]


def _chip(pk: int, outcome: Decision.Outcome, score: float, severity: str) -> dict[str, Any]:
    return {
        "outcome": outcome.name,
        "label": outcome_label(outcome),
        "severity": severity.lower(),
        "severity_label": str(FraudAlert.Severity(severity).label) if severity else "",
        "score": score,
        # An allowed payment is one of thousands: its chip says so and leads nowhere.
        "url": reverse("admin:fraud_decision_change", args=[pk]) if outcome else "",
    }


def alerts_waiting() -> int:
    """How many nobody has looked at yet, up to a limit."""
    waiting = FraudAlert.objects.filter(status=FraudAlert.Status.PENDING_REVIEW).order_by()
    return int(waiting[: MOST_COUNTED + 1].count())


def waiting_tile() -> dict[str, Any]:
    """For the activity page, whose tiles are read every few seconds."""
    count = alerts_waiting()
    text = number_format(min(count, MOST_COUNTED), force_grouping=True)
    return {
        "label": _("Alerts waiting"),
        "value": f"{text} +" if count > MOST_COUNTED else text,
        "hint": _("nobody has looked at them yet") if count else _("all have been looked at"),
        "tone": "warning" if count else "neutral",
    }
