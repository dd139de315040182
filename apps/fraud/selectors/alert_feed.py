"""Alerts as open pages show them: what changed after a number, and those that wait for somebody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Final

import msgspec
from django.db import connection
from django.urls import reverse
from django.utils import translation

from apps.fraud.models import AlertChangeCounter, FraudAlert, RuleVersion
from apps.fraud.selectors.decision_chips import outcome_label
from kivendtout.lib.tenancy import tenant_scope

# The newest that wait for somebody; older ones are one click away.
OPEN_SHOWN: Final = 20
OPEN: Final = (FraudAlert.Status.PENDING_REVIEW, FraudAlert.Status.INVESTIGATING)
OUTCOMES: Final = ("ALLOW", "CHALLENGE", "DENY")
# The payment by both halves of its key, so that one partition is looked into. An alert of an imported history has no
# decision.
SHOWN: Final = """
SELECT {columns}, a.id, a.external_id, a.rule, a.severity, a.status, a.raised_at, r.id, r.external_id, c.external_id,
    p.amount, p.currency_id, d.outcome, d.score
FROM {table}
JOIN payments_paymentreference r ON r.id = a.payment_id
LEFT JOIN payments_payment p ON p.id = r.id AND p.attempted_at = r.attempted_at
LEFT JOIN customers_customer c ON c.id = p.customer_id
LEFT JOIN fraud_decision d ON d.payment_id = r.id
{rest}
"""
CHANGED: Final = SHOWN.format(
    columns="f.number, f.change",
    table="fraud_alertchange f JOIN fraud_fraudalert a ON a.id = f.alert_id",
    rest="WHERE f.tenant_id = %s AND f.number > %s ORDER BY f.number LIMIT %s",
)
# A status at a time, each in the order of its index: a queue of a hundred thousand costs what one of twenty does.
WAITING: Final = SHOWN.format(
    columns="NULL, NULL",
    table="""(
        SELECT found.* FROM unnest(%s::text[]) AS wanted(status), LATERAL (
            SELECT * FROM fraud_fraudalert WHERE tenant_id = %s AND status = wanted.status
            ORDER BY raised_at DESC LIMIT %s) AS found) AS a""",
    rest="ORDER BY a.raised_at DESC, a.id DESC LIMIT %s",
)


@dataclass(frozen=True, slots=True)
class Told:
    """Changes `first` to `last` in a row, written out once a language for however many read it."""

    first: int
    last: int
    count: int
    texts: dict[str, str] = field(default_factory=dict)


def alerts_number(tenant_id: int) -> int:
    """Of the tenant's latest change."""
    with tenant_scope(tenant_id):
        return int(AlertChangeCounter.objects.values_list("last", flat=True).first() or 0)


def alerts_changed(*, tenant_id: int, after: int, limit: int, languages: Iterable[str]) -> Told | None:
    """What changed after a number, oldest first, each alert as it is now. None when nothing did."""
    rows = _read(CHANGED, [tenant_id, after, limit])
    if not rows:
        return None
    first, last = rows[0][0], rows[-1][0]
    texts = {
        language: _json({"type": "alerts", "first": first, "number": last, "alerts": alerts})
        for language, alerts in _in_languages(tenant_id, rows, languages)
    }
    return Told(first, last, len(rows), texts)


def alerts_open(*, tenant_id: int, language: str) -> list[dict[str, Any]]:
    """The newest that wait, newest first."""
    rows = _read(WAITING, [list(OPEN), tenant_id, OPEN_SHOWN, OPEN_SHOWN])
    [(_language, alerts)] = _in_languages(tenant_id, rows, [language])
    return alerts


def alerts_anew(*, tenant_id: int, language: str) -> tuple[int, str]:
    """For a page that missed too much: a number and its list. The number first: what changes meanwhile comes again."""
    number = alerts_number(tenant_id)
    alerts = alerts_open(tenant_id=tenant_id, language=language)
    return number, _json({"type": "reset", "number": number, "alerts": alerts})


def _read(sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _in_languages(
    tenant_id: int, rows: Sequence[tuple[Any, ...]], languages: Iterable[str]
) -> list[tuple[str, list[dict[str, Any]]]]:
    sentences = _sentences(tenant_id, {row[4] for row in rows})
    found = []
    for language in languages:
        with translation.override(language):
            told = sentences.get(language, {})
            found.append((language, [_alert(row, told) for row in rows]))
    return found


def _sentences(tenant_id: int, codes: set[str]) -> dict[str, dict[str, str]]:
    """What the rules that lead them say, by language and code. A rule that is gone, or a list, goes by its code."""
    with tenant_scope(tenant_id):
        live = RuleVersion.objects.filter(rule__code__in=codes, state=RuleVersion.State.LIVE)
        rows = list(live.values_list("rule__code", "sentence_fr", "sentence_en"))
    return {"fr": {row[0]: row[1] for row in rows}, "en": {row[0]: row[2] for row in rows}}


def _alert(row: tuple[Any, ...], sentences: dict[str, str]) -> dict[str, Any]:
    number, change, pk, external_id, rule, severity, status, raised_at, payment_id, payment, customer, *rest = row
    amount, currency, outcome, score = rest
    return {
        "number": number,
        "change": change,
        "id": pk,
        "external_id": external_id,
        "payment": payment,
        "payment_url": reverse("admin:payments_payment_change", args=[payment_id]),
        "customer": customer or "",
        "amount": None if amount is None else str(amount),
        "currency": currency or "",
        "outcome": "" if outcome is None else OUTCOMES[outcome],
        "outcome_label": "" if outcome is None else outcome_label(outcome),
        "score": score,
        "severity": severity.lower(),
        "severity_label": str(FraudAlert.Severity(severity).label),
        "status": status.lower(),
        "status_label": str(FraudAlert.Status(status).label),
        "open": status in OPEN,
        "rule": rule,
        "rule_label": sentences.get(rule, rule),
        "raised_at": raised_at.astimezone(UTC),
        "url": reverse("admin:fraud_fraudalert_change", args=[pk]),
    }


def _json(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
