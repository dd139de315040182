"""What people make of anomalies. Nothing follows from it by itself: a fraud is judged on its alert, or by a label."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext_noop

from apps.compliance.models import AuditEntry, User
from apps.fraud.models import Anomaly, AnomalyDetector, AnomalyKind
from kivendtout.lib.errors import Conflict, InvalidInput, NotAllowed
from kivendtout.lib.tenancy import tenant_scope

CHANGE: Final = "fraud.change_anomaly"
ACTIVITY: Final = "fraud.review_activity_anomaly"
CHANGE_DETECTOR: Final = "fraud.change_anomalydetector"
Status = Anomaly.Status
NEXT: Final[dict[str, tuple[str, ...]]] = {
    Status.OPEN: (Status.LOOKED_AT, Status.DISMISSED, Status.CONFIRMED),
    Status.LOOKED_AT: (Status.DISMISSED, Status.CONFIRMED),
}
NEEDS_NOTE: Final = frozenset({Status.DISMISSED, Status.CONFIRMED})
LONGEST_NOTE: Final = 300
# More than a team could look at, so a slip of the finger.
MOST_A_DAY: Final = 1_000


class AnomalyReviewRefused(Conflict):
    code = "anomaly_review_refused"
    message = gettext_noop("The anomaly has changed since you read it. Read it again, then decide.")


class NoteNeeded(InvalidInput):
    code = "note_needed"
    message = gettext_noop("Say in a few words what you found, in at most %(longest)s characters.")

    def __init__(self) -> None:
        super().__init__(longest=LONGEST_NOTE)


class BudgetRefused(InvalidInput):
    code = "budget_refused"
    message = gettext_noop("Give a whole number from 0 to %(most)s.")

    def __init__(self) -> None:
        super().__init__(most=MOST_A_DAY)


def may_review(anomaly: Anomaly, actor: User) -> bool:
    """Nobody judges what they are said to have done themselves."""
    if not actor.is_active or actor.tenant_id != anomaly.tenant_id:
        return False
    if anomaly.kind == AnomalyKind.PAYMENT:
        return actor.has_perm(CHANGE)
    return actor.has_perm(ACTIVITY) and anomaly.actor != f"user {actor.pk}"


def anomaly_review(*, anomaly: Anomaly, status: str, note: str, actor: User, now: datetime) -> Anomaly:
    """Of two people who review it at once, one does and the other is told."""
    if not may_review(anomaly, actor):
        raise NotAllowed(gettext_noop("You cannot review this anomaly. Ask a colleague who may."))
    said, before = " ".join(note.split()), anomaly.status
    if status in NEEDS_NOTE and not 0 < len(said) <= LONGEST_NOTE:
        raise NoteNeeded
    if status not in NEXT.get(before, ()):
        raise AnomalyReviewRefused
    with tenant_scope(anomaly.tenant_id), transaction.atomic():
        values = {"status": status, "note": said, "reviewed_by": actor, "reviewed_at": now}
        if not Anomaly.objects.filter(pk=anomaly.pk, status=before).update(**values):
            raise AnomalyReviewRefused
        for name, value in values.items():
            setattr(anomaly, name, value)
        _audit(anomaly, {"status": [before, status], "note": ["", said]}, actor)
    return anomaly


def may_set_up(detector: AnomalyDetector, actor: User) -> bool:
    """A lead must not silence what looks at the leads."""
    if not actor.is_active or actor.tenant_id != detector.tenant_id or not actor.has_perm(CHANGE_DETECTOR):
        return False
    return detector.kind == AnomalyKind.PAYMENT or actor.has_perm(ACTIVITY)


def anomaly_budget_set(*, detector: AnomalyDetector, daily_budget: int, actor: User) -> AnomalyDetector:
    if not may_set_up(detector, actor):
        raise NotAllowed(gettext_noop("Your role does not set up detectors. Ask your team lead or an administrator."))
    if not 0 <= daily_budget <= MOST_A_DAY:
        raise BudgetRefused
    before = detector.daily_budget
    with tenant_scope(detector.tenant_id), transaction.atomic():
        AnomalyDetector.objects.filter(pk=detector.pk).update(daily_budget=daily_budget)
        detector.daily_budget = daily_budget
        _audit(detector, {"daily_budget": [before, daily_budget]}, actor)
    return detector


def _audit(row: Anomaly | AnomalyDetector, changes: dict[str, list[object]], actor: User) -> None:
    AuditEntry.objects.log_create(
        row,
        force_log=True,
        action=AuditEntry.Action.UPDATE,
        changes=changes,
        actor=actor,
        actor_email=actor.email,
        tenant_id=row.tenant_id,
    )
