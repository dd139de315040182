"""Telling people that something is the matter with the installation, once for as long as it lasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import connection, transaction
from django.utils.translation import gettext_noop, override
from psycopg.types.json import Jsonb

from apps.compliance.models import AuditEntry, User
from apps.fraud.models import OperationalAlert, Scorer
from apps.fraud.services.operational_alert_texts import operational_alert_sentence
from kivendtout.lib.errors import Conflict, NotAllowed
from kivendtout.lib.tenancy import tenant_scope

log = structlog.get_logger(__name__)
CHANGE: Final = "fraud.change_operationalalert"
NOTE_LENGTH: Final = 300
Status = OperationalAlert.Status
# One statement, whoever else raises the same at this moment. What was known before and is not told now is kept.
RAISE: Final = """
INSERT INTO fraud_operationalalert AS a (tenant_id, kind, scorer_id, status, facts, raised_at, last_at, times, note)
VALUES (%(tenant)s, %(kind)s, %(scorer)s, 'open', %(facts)s, %(now)s, %(now)s, 1, '')
ON CONFLICT (tenant_id, kind, scorer_id) WHERE status = 'open'
DO UPDATE SET times = a.times + 1, last_at = greatest(a.last_at, excluded.last_at), facts = a.facts || excluded.facts
RETURNING id
"""


class OperationalAlertHandled(Conflict):
    code = "operational_alert_handled"
    message = gettext_noop("Somebody has handled this already. Read it again.")


def operational_alert_raise(
    *, tenant_id: int, kind: str, scorer: Scorer | int | None, facts: Mapping[str, Any], now: datetime
) -> int | None:
    """The alert's number, or None when it could not be written: never an exception, for payments go on.

    Of one kind and scorer one is open at a time, and counts how often it was raised. After the commit of what it is
    about: its row is locked until the transaction around it ends.
    """
    scorer_id = scorer.pk if isinstance(scorer, Scorer) else scorer
    known = {name: value for name, value in facts.items() if value not in (None, "")}
    log.error("operational_alert", tenant=tenant_id, kind=kind, scorer=scorer_id, facts=known)
    values: dict[str, Any] = {"tenant": tenant_id, "kind": kind, "scorer": scorer_id, "facts": Jsonb(known), "now": now}
    try:
        with tenant_scope(tenant_id), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(RAISE, values)
            return int(cursor.fetchone()[0])
    except Exception:
        log.error("operational_alert_not_written", tenant=tenant_id, kind=kind, scorer=scorer_id, exc_info=True)
        return None


def operational_alert_handle(
    *, alert: OperationalAlert, actor: User, now: datetime, note: str = ""
) -> OperationalAlert:
    """It no longer stands; the next time it happens is a new one. Of two people one handles it."""
    require_operator(actor, alert.tenant_id)
    with tenant_scope(alert.tenant_id), transaction.atomic():
        done = {
            "status": Status.HANDLED, "handled_at": now, "handled_by": actor, "note": note.strip()[:NOTE_LENGTH]
        }  # fmt: skip
        if not OperationalAlert.objects.filter(pk=alert.pk, status=Status.OPEN).update(**done):
            raise OperationalAlertHandled
        alert.refresh_from_db()
        _audit(alert, actor)
    return alert


def operational_alerts_settle(*, tenant_id: int, kinds: Sequence[str], note: str, now: datetime) -> int:
    """By the product itself, where something newer takes their place; the note names it."""
    done = {"status": Status.HANDLED, "handled_at": now, "note": note[:NOTE_LENGTH]}
    with tenant_scope(tenant_id):
        return int(OperationalAlert.objects.filter(kind__in=kinds, status=Status.OPEN).update(**done))


def require_operator(actor: User, tenant_id: int) -> None:
    if actor.tenant_id != tenant_id or not actor.is_active or not actor.has_perm(CHANGE):
        raise NotAllowed(gettext_noop("Your role does not handle operational alerts. Ask a team lead."))


def _audit(alert: OperationalAlert, actor: User) -> None:
    with override("en"):
        sentence = operational_alert_sentence(alert)
    AuditEntry.objects.log_create(
        alert,
        force_log=True,
        action=AuditEntry.Action.UPDATE,
        changes={"status": [Status.OPEN, Status.HANDLED], "note": ["", alert.note], "sentence": ["", sentence]},
        actor=actor,
        actor_email=actor.email,
        tenant_id=alert.tenant_id,
    )
