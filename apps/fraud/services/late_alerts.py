"""Under the policy `points` a failed payment is an alert. When its failure comes as a later result, its decision was
made long before: the alert is raised then, from what the decision said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import connection
from msgspec.structs import replace

from apps.fraud.engine.alerting import severity
from apps.fraud.engine.decide import Inputs, Judgement, Policy, Reason, RuleHit
from apps.fraud.engine.event import Facts
from apps.fraud.engine.ruleset import CompiledRuleSet
from apps.fraud.events import AlertEvent
from apps.fraud.models import Decision
from apps.fraud.services.alert_changes import alert_changes_note
from apps.fraud.services.decisions_store import ALERTS, ALERTS_TOPIC, OUTBOX, pack_row
from kivendtout.lib.events import encode

# The rule that adds points for a failure, and the code that such an alert is filed under in any case.
FAILED_RULE: Final = "PAYMENT_FAILED"
# Of a payment that came in with a history: nobody decided on it.
NOT_DECIDED: Final = Judgement(
    outcome="ALLOW", score=0.0, points=0, rules_score=0.0, scorer_score=None, decided_by="", reasons=(), degraded=()
)
_judgement = msgspec.json.Decoder(Judgement).decode


def alerts_for_failures(
    *,
    tenant_id: int,
    payments: Mapping[int, Facts],
    policy: Policy,
    now: datetime,
    rules: CompiledRuleSet | None = None,
    traces: Mapping[int, str] | None = None,
) -> dict[int, int]:
    """Inside the transaction that recorded the results. Of `payments`, those that failed and have no alert yet get
    one, with its message; returned by payment. The decision stays what it was."""
    failed = {pk: facts for pk, facts in payments.items() if facts.status == "failed"}
    if policy.alerts != "points" or not failed:
        return {}
    decided = dict(Decision.objects.filter(pk__in=failed).values_list("pk", "judgement"))
    judged = {pk: _judgement(decided[pk]) if pk in decided else NOT_DECIDED for pk in failed}
    hit = _failed_rule(rules)
    levels = {pk: severity(Inputs(policy=policy), _with_failure(one, hit), None) for pk, one in judged.items()}
    raised = _raise(tenant_id, levels, now)
    if raised:
        told = [
            (
                facts.customer,
                _event(pk, facts, raised[pk], levels[pk], judged[pk], hit, now),
                (traces or {}).get(pk, ""),
            )
            for pk, facts in failed.items()
            if pk in raised
        ]
        with connection.cursor() as cursor:
            cursor.execute(OUTBOX, [tenant_id, ALERTS_TOPIC, pack_row(told), now])
    return raised


def _failed_rule(rules: CompiledRuleSet | None) -> RuleHit | None:
    live = (rule for rule in rules.rules if rule.code == FAILED_RULE and not rule.shadow) if rules else ()
    return next((rule.hit() for rule in live), None)


def _with_failure(judgement: Judgement, hit: RuleHit | None) -> Judgement:
    """What the points would have been, had the failure been known; once only."""
    if hit is None or any(reason.code == hit.code for reason in judgement.reasons):
        return judgement
    reason = Reason("rule", hit.code, hit.fr, hit.en, hit.points, hit.action)
    return replace(judgement, points=judgement.points + hit.points, reasons=(*judgement.reasons, reason))


def _raise(tenant_id: int, levels: Mapping[int, str], now: datetime) -> dict[int, int]:
    values: dict[str, Any] = {
        "tenant": tenant_id,
        "now": now,
        "ids": list(levels),
        "rules": [FAILED_RULE] * len(levels),
        "severities": list(levels.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(ALERTS, values)
        raised: dict[int, int] = dict(cursor.fetchall())
    alert_changes_note(tenant_id=tenant_id, alerts=list(raised.values()), change="raised", now=now)
    return raised


def _event(
    pk: int, facts: Facts, alert: int, level: str, judgement: Judgement, hit: RuleHit | None, now: datetime
) -> bytes:
    decided = judgement is not NOT_DECIDED
    return encode(
        AlertEvent(
            alert_id=f"kvt-{pk}",
            alert_number=alert,
            changed_at=now,
            raised_at=now,
            severity=level,  # type: ignore[arg-type]  # one of the three
            rule=FAILED_RULE,
            decision_id=f"dec_{pk}" if decided else None,
            payment_id=facts.payment_id,
            customer_id=facts.customer,
            decision=judgement.outcome if decided else None,  # type: ignore[arg-type]  # the name of an Outcome
            score=judgement.score if decided else None,
            points=judgement.points if decided else None,
            reasons=_with_failure(judgement, hit).reasons,
            degraded=bool(judgement.degraded) if decided else None,
            degraded_parts=judgement.degraded,
        )
    )
