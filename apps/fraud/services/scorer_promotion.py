"""A scorer is let decide by two people: one proposes it with what will change, another one approves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.utils.translation import gettext_noop

from apps.compliance.models import User
from apps.fraud.models import Scorer, ScorerChange
from apps.fraud.scorers.trained import Operating
from apps.fraud.selectors.scorers import change_open, described, operating_now, point_told, scorer_active
from apps.fraud.services.scorer_force import (
    Kind,
    ScorerStageRefused,
    Stage,
    State,
    active_row,
    active_save,
    champion_set,
    change_held,
    change_settle,
    fresh,
    loads,
    point_check,
    proposals_withdraw,
    require_promoter,
    require_proposer,
)
from apps.fraud.services.scorer_impact import Side, scorer_impact
from apps.fraud.services.scorer_register import scorers_lock
from kivendtout.lib.errors import NotAllowed


def statement_of(*, scorer: Scorer, operating: Operating, now: datetime, limit: int | None = None) -> dict[str, Any]:
    """What letting this scorer decide would change, on stored decisions. Reads; changes nothing."""
    active = scorer_active()
    before = Side(active.scorer.number if active and active.scorer else None, operating_now(active))
    more = {} if limit is None else {"limit": limit}
    found = scorer_impact(
        tenant_id=scorer.tenant_id, before=before, after=Side(scorer.number, operating), now=now, **more
    )
    told: dict[str, Any] = msgspec.to_builtins(found)
    return told


def scorer_propose(
    *,
    scorer: Scorer,
    operating: Operating,
    actor: User,
    now: datetime,
    note: str = "",
    statement: Mapping[str, Any] | None = None,
) -> ScorerChange:
    """Of the champion itself: another operating point. `statement` is what the person was shown; else it is made."""
    require_proposer(actor, scorer.tenant_id)
    point_check(operating)
    loads(scorer)  # before the statement, which takes its time
    if statement is None:
        statement = statement_of(scorer=scorer, operating=operating, now=now)
    with transaction.atomic():
        scorers_lock(scorer.tenant_id)
        current = fresh(scorer)
        before = described(scorer_active())
        after = {"scorer": current.number, **point_told(operating)}
        _require_proposable(current, before, after)
        made: ScorerChange = ScorerChange.objects.create(
            tenant_id=current.tenant_id, kind=Kind.PROMOTE, state=State.OPEN, scorer=current, before=before,
            after=after, statement=dict(statement), note=note.strip()[:300], asked_at=now, asked_by=actor,
        )  # fmt: skip
        return made


def _require_proposable(scorer: Scorer, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    if scorer.stage == Stage.ARCHIVED:
        raise ScorerStageRefused(gettext_noop("The scorer is archived. Put it on trial again before you propose it."))
    if dict(before) == dict(after):
        raise ScorerStageRefused(gettext_noop("This scorer decides already, with these thresholds. Change something."))
    waiting = change_open()
    if waiting is not None:
        raise ScorerStageRefused(
            gettext_noop("Scorer %(scorer)s, proposed by %(who)s, waits for approval. Settle that proposal first."),
            scorer=waiting.scorer,
            who=waiting.asked_by,
        )


@contextmanager
def _settling(change: ScorerChange) -> Iterator[ScorerChange]:
    with transaction.atomic():
        scorers_lock(change.tenant_id)
        yield change_held(change)


def scorer_approve(*, change: ScorerChange, actor: User, now: datetime) -> ScorerChange:
    """By somebody else than its proposer. Champion, thresholds, trials and counter change together."""
    require_promoter(actor, change.tenant_id)
    with _settling(change) as current:
        if current.asked_by_id == actor.pk:
            raise NotAllowed(gettext_noop("A second person lets a scorer decide. Ask a colleague to approve yours."))
        active = active_row(current.tenant_id)
        if described(active) != current.before:
            raise ScorerStageRefused(
                gettext_noop("What decides has changed since this was proposed. Withdraw it, and propose it again.")
            )
        # The one that decided so far goes on scoring, silently: both are compared, and the way back stays short.
        champion_set(active, current.after, left=Stage.SHADOW)
        active_save(active, actor=actor, now=now)
        change_settle(current, State.DONE, actor=actor, now=now)
        return current


def scorer_refuse(*, change: ScorerChange, actor: User, now: datetime) -> ScorerChange:
    require_promoter(actor, change.tenant_id)
    with _settling(change) as current:
        if current.asked_by_id == actor.pk:
            raise NotAllowed(gettext_noop("This proposal is yours. Withdraw it instead."))
        change_settle(current, State.REFUSED, actor=actor, now=now)
        return current


def scorer_withdraw(*, change: ScorerChange, actor: User, now: datetime) -> ScorerChange:
    """By who proposed it."""
    require_proposer(actor, change.tenant_id)
    with _settling(change) as current:
        if current.asked_by_id != actor.pk:
            raise NotAllowed(gettext_noop("Only who proposed it withdraws it. Refuse it instead."))
        proposals_withdraw(tenant_id=current.tenant_id, actor=actor, now=now)
        current.refresh_from_db()
        return current
