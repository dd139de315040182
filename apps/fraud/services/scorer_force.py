"""What decides, changed: the champion, its thresholds and the scorers on trial, in one row with one counter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext_lazy, gettext_noop

from apps.compliance.models import User
from apps.fraud.models import ActiveScorer, Scorer, ScorerChange
from apps.fraud.scorers.scorer import Scorer as Loaded
from apps.fraud.scorers.trained import Operating
from apps.fraud.selectors.scorers import point_of, scorer_content
from kivendtout.lib.errors import Conflict, InvalidInput, NotAllowed

Stage = Scorer.Stage
Kind = ScorerChange.Kind
State = ScorerChange.State
PROPOSE: Final = "fraud.propose_scorer"
PROMOTE: Final = "fraud.promote_scorer"
# Each costs every payment some tens of microseconds and its row of scores.
MOST_ON_TRIAL: Final = 3


class ScorerStageRefused(Conflict):
    code = "scorer_stage_refused"
    message = gettext_noop("The scorer has changed since you read it. Read it again, then decide.")


class ScorerChangeSettled(Conflict):
    code = "scorer_change_settled"
    message = gettext_noop("%(who)s was first: the proposal is settled (%(state)s, %(when)s). Nothing was changed now.")


class OperatingRefused(InvalidInput):
    code = "operating_point_refused"
    message = gettext_noop(
        "The thresholds cannot be used: they lie between 0 and 1, and declining begins no lower than asking. "
        "Correct them."
    )


def require_proposer(actor: User, tenant_id: int) -> None:
    if not _may(actor, tenant_id, PROPOSE):
        raise NotAllowed(gettext_noop("Your role does not propose scorers. Ask your team lead."))


def require_promoter(actor: User, tenant_id: int) -> None:
    if not _may(actor, tenant_id, PROMOTE):
        raise NotAllowed(gettext_noop("Your role does not change what decides. Ask a team lead."))


def _may(actor: User, tenant_id: int, right: str) -> bool:
    return bool(actor.tenant_id == tenant_id and actor.is_active and actor.has_perm(right))


def point_check(point: Operating) -> None:
    if not 0 <= point.challenge <= point.deny <= 1 or not 0 <= point.weight <= 1 or not 0 <= point.alone_deny <= 1:
        raise OperatingRefused


def loads(scorer: Scorer) -> None:
    """Refused as it would be when it decides: damaged, or of another catalogue, the difference named."""
    Loaded(scorer_content(scorer=scorer), digest=scorer.digest)


def fresh(scorer: Scorer) -> Scorer:
    """The row as it is once the lock is held, whatever the caller read before."""
    row: Scorer = Scorer.objects.get(pk=scorer.pk, tenant_id=scorer.tenant_id)
    return row


def active_row(tenant_id: int) -> ActiveScorer:
    """With the lock held; made when it is the tenant's first."""
    found: ActiveScorer | None = ActiveScorer.objects.select_related("scorer").filter(tenant_id=tenant_id).first()
    return found or ActiveScorer(tenant_id=tenant_id, version=0, shadows=[])


def stage_set(scorer: Scorer, stage: str) -> None:
    scorer.stage = stage
    scorer.save(update_fields=["stage"])


def active_save(active: ActiveScorer, *, actor: User | None, now: datetime) -> None:
    """One row, one counter: processes take up all of it or nothing."""
    on_trial = Scorer.objects.filter(tenant_id=active.tenant_id, stage=Stage.SHADOW).order_by("number")
    active.shadows = list(on_trial.values_list("number", flat=True))
    active.version += 1
    active.changed_at, active.changed_by = now, actor
    active.save()


def champion_set(active: ActiveScorer, after: Mapping[str, Any], *, left: str) -> Scorer | None:
    """The scorer and the point that `after` names; the one that decided so far takes the stage `left`."""
    before, number = active.scorer, after["scorer"]
    if before is not None and before.number != number:
        on_trial = Scorer.objects.filter(tenant_id=active.tenant_id, stage=Stage.SHADOW).exclude(number=number).count()
        full = left == Stage.SHADOW and on_trial >= MOST_ON_TRIAL
        stage_set(before, Stage.ARCHIVED if full else left)  # first: there is one champion at a time
    if number is None:
        active.scorer = None
        return None
    scorer: Scorer = Scorer.objects.get(tenant_id=active.tenant_id, number=number)
    loads(scorer)
    if scorer.stage != Stage.CHAMPION:
        stage_set(scorer, Stage.CHAMPION)
    point = point_of(dict(after))
    active.scorer = scorer
    active.challenge, active.deny, active.weight, active.alone_deny = (
        point.challenge, point.deny, point.weight, point.alone_deny,
    )  # fmt: skip
    return scorer


def change_done(
    *,
    kind: str,
    scorer: Scorer | None,
    tenant_id: int,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    actor: User | None,
    now: datetime,
    note: str = "",
    statement: Mapping[str, Any] | None = None,
) -> ScorerChange:
    """On record, for what one person does."""
    made: ScorerChange = ScorerChange.objects.create(
        tenant_id=tenant_id, kind=kind, state=State.DONE, scorer=scorer, before=dict(before), after=dict(after),
        statement=dict(statement or {}), note=note.strip()[:300], asked_at=now, asked_by=actor, settled_at=now,
        settled_by=actor,
    )  # fmt: skip
    return made


def proposals_withdraw(*, tenant_id: int, actor: User | None, now: datetime) -> None:
    """What decides has changed: what an open proposal says of it is no longer true."""
    for one in ScorerChange.objects.filter(tenant_id=tenant_id, kind=Kind.PROMOTE, state=State.OPEN):
        change_settle(one, State.WITHDRAWN, actor=actor, now=now)


def change_settle(change: ScorerChange, state: str, *, actor: User | None, now: datetime) -> None:
    change.state, change.settled_at, change.settled_by = state, now, actor
    change.save(update_fields=["state", "settled_at", "settled_by"])


def change_held(change: ScorerChange) -> ScorerChange:
    """As it is once the lock is held. Somebody else may have settled it a moment ago: whoever comes second is told."""
    row: ScorerChange = ScorerChange.objects.select_related("scorer", "settled_by").get(
        pk=change.pk, tenant_id=change.tenant_id
    )
    if row.state != State.OPEN:
        raise ScorerChangeSettled(
            ScorerChangeSettled.message,
            who=row.settled_by or gettext_lazy("The product"),
            state=State(row.state).label,
            when=f"{row.settled_at:%Y-%m-%d %H:%M}",
        )
    return row
