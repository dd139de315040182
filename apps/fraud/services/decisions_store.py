"""Decisions into rows: with the alert that they raise and the messages that will tell of them, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import connection

from apps.fraud.engine.alerting import leading_rule, raises_alert, severity
from apps.fraud.engine.decide import Inputs
from apps.fraud.engine.event import Facts
from apps.fraud.engine.features.catalogue import VERSION
from apps.fraud.events import AlertEvent, DecisionEvent
from apps.fraud.services.alert_changes import alert_changes_note
from apps.fraud.services.catalogues import catalogue_note
from apps.fraud.services.engine import Judged
from apps.payments.ingestion.staging import copy_into
from kivendtout.lib.events import encode

DECISIONS_TOPIC: Final = "decisions"
ALERTS_TOPIC: Final = "fraud-alerts"
STEPS: Final = ("record", "state", "features", "rules", "scorer")
COPY: Final = """
COPY fraud_decision (payment_id, tenant_id, decided_at, outcome, score, points, ruleset_number, scorer_version,
    degraded, source, trace_id, latency_us, timings, catalogue_version, features, inputs, judgement) FROM STDIN
"""
ON_TRIAL: Final = "COPY fraud_shadowscore (tenant_id, payment_id, scorer_id, score, scored_at) FROM STDIN"
ALERTS: Final = """
INSERT INTO fraud_fraudalert (tenant_id, external_id, payment_id, rule, severity, status, raised_at)
SELECT %(tenant)s::bigint, 'kvt-' || one.id, one.id, one.rule, one.severity, 'PENDING_REVIEW', %(now)s::timestamptz
FROM unnest(%(ids)s::bigint[], %(rules)s::text[], %(severities)s::text[]) AS one(id, rule, severity)
ON CONFLICT (tenant_id, external_id) DO NOTHING
RETURNING payment_id, id
"""
# A row a topic: as elements of an array, the messages of a thousand decisions took 25 ms to escape.
OUTBOX: Final = "INSERT INTO fraud_outbox (tenant_id, topic, messages, created_at) VALUES (%s, %s, %s, %s)"
pack_row = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder(order="deterministic").encode


def inputs_text(inputs: Inputs) -> str:
    """What is stored, and what a replay must read and write again to the byte."""
    return _json(inputs).decode()


@dataclass(frozen=True, slots=True)
class Made:
    """A decision as it was just made. `id` is the payment's number among our references."""

    id: int
    facts: Facts
    judged: Judged
    judgement: bytes
    trace_id: str
    latency_us: int
    ruleset_number: int | None

    @property
    def is_degraded(self) -> bool:
        return bool(self.judged.judgement.degraded)


@dataclass(frozen=True, slots=True)
class Batch:
    tenant_id: int
    source: str
    now: datetime
    timings: dict[str, int]


def decisions_insert(*, batch: Batch, made: Sequence[Made]) -> dict[int, int]:
    """Inside the transaction that recorded the payments. Returns the alerts raised, by payment."""
    catalogue_note(now=batch.now)
    timings = "{" + ",".join(str(batch.timings.get(step, 0)) for step in STEPS) + "}"
    with copy_into(COPY) as copy:
        for one in made:
            judgement = one.judged.judgement
            copy.write_row(
                (
                    one.id, batch.tenant_id, batch.now, int(judgement.result), judgement.score, judgement.points,
                    one.ruleset_number, one.judged.scorer, one.is_degraded, batch.source, one.trace_id, one.latency_us,
                    timings, VERSION, pack_row(one.judged.row), inputs_text(one.judged.inputs), one.judgement.decode(),
                )
            )  # fmt: skip
    _on_trial(batch, made)
    alerts = _alerts(batch, made)
    _outbox(batch, made, alerts)
    return alerts


def _on_trial(batch: Batch, made: Sequence[Made]) -> None:
    told = [(one.id, *said) for one in made for said in one.judged.shadows]
    if told:
        with copy_into(ON_TRIAL) as copy:
            for payment, scorer, score in told:
                copy.write_row((batch.tenant_id, payment, scorer, score, batch.now))


def _alerts(batch: Batch, made: Sequence[Made]) -> dict[int, int]:
    found = [one for one in made if raises_alert(one.judged.inputs, one.judged.judgement, failed=_failed(one))]
    if not found:
        return {}
    values: dict[str, Any] = {
        "tenant": batch.tenant_id,
        "now": batch.now,
        "ids": [one.id for one in found],
        "rules": [leading_rule(one.judged.judgement)[:64] for one in found],
        "severities": [severity(one.judged.inputs, one.judged.judgement, _euros(one)) for one in found],
    }
    with connection.cursor() as cursor:
        cursor.execute(ALERTS, values)
        raised = dict(cursor.fetchall())
    alert_changes_note(tenant_id=batch.tenant_id, alerts=list(raised.values()), change="raised", now=batch.now)
    return raised


def _failed(one: Made) -> bool:
    return one.facts.status == "failed"


def _euros(one: Made) -> float | None:
    return None if one.facts.euro_cents is None else one.facts.euro_cents / 100


def _outbox(batch: Batch, made: Sequence[Made], alerts: dict[int, int]) -> None:
    told = {DECISIONS_TOPIC: [(one.facts.customer, decision_event(one, batch), one.trace_id) for one in made]}
    if alerts:
        told[ALERTS_TOPIC] = [
            (one.facts.customer, alert_event(one, batch, alerts[one.id]), one.trace_id)
            for one in made
            if one.id in alerts
        ]
    with connection.cursor() as cursor:
        for topic, messages in told.items():
            cursor.execute(OUTBOX, [batch.tenant_id, topic, pack_row(messages), batch.now])


def decision_event(one: Made, batch: Batch) -> bytes:
    judgement = one.judged.judgement
    return encode(
        DecisionEvent(
            decision_id=f"dec_{one.id}",
            payment_id=one.facts.payment_id,
            customer_id=one.facts.customer,
            decided_at=batch.now,
            decision=judgement.outcome,  # type: ignore[arg-type]  # the name of an Outcome, kept as text when replayed
            score=judgement.score,
            points=judgement.points,
            reasons=judgement.reasons,
            degraded=one.is_degraded,
            degraded_parts=judgement.degraded,
            ruleset_version=one.ruleset_number,
            scorer_version=one.judged.scorer or None,
        )
    )


def alert_event(one: Made, batch: Batch, alert_id: int) -> bytes:
    judgement = one.judged.judgement
    return encode(
        AlertEvent(
            alert_id=f"kvt-{one.id}",
            alert_number=alert_id,
            changed_at=batch.now,
            raised_at=batch.now,
            severity=severity(one.judged.inputs, judgement, _euros(one)),  # type: ignore[arg-type]  # one of the three
            rule=leading_rule(judgement),
            decision_id=f"dec_{one.id}",
            payment_id=one.facts.payment_id,
            customer_id=one.facts.customer,
            decision=judgement.outcome,  # type: ignore[arg-type]  # as above
            score=judgement.score,
            points=judgement.points,
            reasons=judgement.reasons,
            degraded=one.is_degraded,
            degraded_parts=judgement.degraded,
        )
    )
