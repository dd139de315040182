"""Moving an alert through its review: looked at, then approved or blocked, which is a verdict on its payment."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from django.db import connection, transaction
from django.utils.functional import Promise, lazy
from django.utils.translation import gettext_noop

from apps.compliance.models import AuditEntry, User
from apps.fraud.engine.decide import Judgement
from apps.fraud.events import AlertEvent, LabelEvent
from apps.fraud.events.alert import STATUS
from apps.fraud.models import Decision, FraudAlert
from apps.fraud.services.alert_changes import alert_changes_note
from apps.fraud.services.decisions_store import ALERTS_TOPIC, OUTBOX, pack_row
from apps.fraud.services.labels import labels_record
from apps.payments.models import Payment
from kivendtout.lib.errors import Conflict, NotAllowed
from kivendtout.lib.events import encode
from kivendtout.lib.tenancy import tenant_scope
from kivendtout.lib.trace import current_trace_id

CHANGE: Final = "fraud.change_fraudalert"
Status = FraudAlert.Status
# Nobody decides on what nobody has looked at, and a verdict stands: it has gone to the topic and into training.
NEXT: Final[dict[str, tuple[str, ...]]] = {
    Status.PENDING_REVIEW: (Status.INVESTIGATING,),
    Status.INVESTIGATING: (Status.APPROVED, Status.BLOCKED),
}
VERDICTS: Final = {Status.APPROVED: False, Status.BLOCKED: True}
_judgement = msgspec.json.Decoder(Judgement).decode


class AlertStatusRefused(Conflict):
    code = "alert_status_refused"
    message = gettext_noop("The alert has changed since you read it. Read it again, then decide.")


class _Told(NamedTuple):
    payment: str
    customer: str
    attempted_at: datetime


def _label(status: str) -> str:
    return str(Status(status).label)


_label_for_reader = lazy(_label, str)  # an error is built in English and shown in the reader's language


def alert_status_set(*, alert: FraudAlert, status: str, actor: User, now: datetime) -> FraudAlert:
    """One step of the review. Of two people who take the same step at once, one does and the other is told."""
    require_reviewer(alert, actor)
    before = alert.status
    if status not in NEXT.get(before, ()):
        raise _refusal(before, status)
    with tenant_scope(alert.tenant_id), transaction.atomic():
        claimed = FraudAlert.objects.filter(pk=alert.pk, status=before).update(status=status)
        if not claimed:
            raise AlertStatusRefused
        alert.status = status
        _audit(alert, before, actor)
        alert_changes_note(tenant_id=alert.tenant_id, alerts=[alert.pk], change=STATUS, now=now)
        told = _told(alert)
        _publish(alert, told, now)
        if status in VERDICTS:
            _judge(alert, told, actor, now)
    return alert


def require_reviewer(alert: FraudAlert, actor: User) -> None:
    if not actor.is_active or actor.tenant_id != alert.tenant_id or not actor.has_perm(CHANGE):
        raise NotAllowed(gettext_noop("Your role does not judge alerts. Ask your team lead."))


def _refusal(before: str, wanted: str) -> AlertStatusRefused:
    if wanted not in Status.values:
        return AlertStatusRefused(gettext_noop("There is no such status of an alert. Choose one of those offered."))
    text = gettext_noop("An alert in status “%(now)s” cannot become “%(wanted)s”: its review goes step by step.")
    if before in VERDICTS:
        text = gettext_noop("An alert in status “%(now)s” cannot become “%(wanted)s”: the verdict stands.")
    names: dict[str, str | Promise] = {"now": _label_for_reader(before), "wanted": _label_for_reader(wanted)}
    return AlertStatusRefused(text, **names)


def _audit(alert: FraudAlert, before: str, actor: User) -> None:
    AuditEntry.objects.log_create(
        alert,
        force_log=True,
        action=AuditEntry.Action.UPDATE,
        changes={"status": [before, alert.status]},
        actor=actor,
        actor_email=actor.email,
        tenant_id=alert.tenant_id,
    )


def _told(alert: FraudAlert) -> _Told:
    reference = alert.payment
    found = Payment.objects.filter(pk=reference.pk, attempted_at=reference.attempted_at)
    customer = found.values_list("customer__external_id", flat=True).first()
    return _Told(reference.external_id, customer or "", reference.attempted_at)


def _publish(alert: FraudAlert, told: _Told, now: datetime) -> None:
    # The values of this alert only: whoever reads the topic takes the message for the whole of it.
    event = AlertEvent(
        alert_id=alert.external_id,
        alert_number=alert.pk,
        change=STATUS,
        changed_at=now,
        customer_id=told.customer,
        payment_id=told.payment,
        raised_at=alert.raised_at,
        rule=alert.rule,
        severity=alert.severity,  # type: ignore[arg-type]  # the column holds no other
        status=alert.status,  # type: ignore[arg-type]  # as above
    )
    decision = Decision.objects.filter(pk=alert.payment_id).only("tenant_id", "judgement").first()
    if decision is not None:
        said = _judgement(decision.judgement)
        event = msgspec.structs.replace(
            event,
            decision_id=str(decision),
            decision=said.outcome,
            score=said.score,
            points=said.points,
            reasons=said.reasons,
            degraded=bool(said.degraded),
            degraded_parts=said.degraded,
        )
    message = (told.customer or told.payment, encode(event), current_trace_id() or "")
    with connection.cursor() as cursor:
        cursor.execute(OUTBOX, [alert.tenant_id, ALERTS_TOPIC, pack_row([message]), now])


def _judge(alert: FraudAlert, told: _Told, actor: User, now: datetime) -> None:
    """A refusal would be a fault of ours: all that a label can be refused for is taken from the payment itself."""
    label = LabelEvent(
        label_id=f"{alert.external_id}-{alert.status.lower()}",
        payment_id=told.payment,
        customer_id=told.customer or None,
        is_fraud=VERDICTS[Status(alert.status)],
        source="analyst",
        # A sender's clock may be ahead of ours; nothing is known of a payment before it is attempted.
        known_at=max(now, told.attempted_at),
    )
    done = labels_record(tenant_id=alert.tenant_id, events=[label], now=now, publish=True, actor=actor)
    if done.rejected:
        raise AlertStatusRefused(done.rejected[0][1])
