"""Candidate → on trial → champion → archived: the moves that decide nothing, and the door to those that do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_noop

from apps.compliance.models import User
from apps.fraud.models import Scorer
from apps.fraud.selectors.scorers import change_open
from apps.fraud.services.scorer_force import (
    MOST_ON_TRIAL,
    PROMOTE,
    PROPOSE,
    Kind,
    ScorerChangeSettled,
    ScorerStageRefused,
    Stage,
    active_row,
    active_save,
    change_done,
    fresh,
    loads,
    require_proposer,
    stage_set,
)
from apps.fraud.services.scorer_promotion import scorer_approve, scorer_propose, scorer_refuse, scorer_withdraw
from apps.fraud.services.scorer_register import scorers_lock
from apps.fraud.services.scorer_return import operating_set, scorer_go_back, stand_down

__all__ = [
    "MOST_ON_TRIAL",
    "PROMOTE",
    "PROPOSE",
    "ScorerChangeSettled",
    "ScorerStageRefused",
    "operating_set",
    "scorer_approve",
    "scorer_archive",
    "scorer_go_back",
    "scorer_propose",
    "scorer_refuse",
    "scorer_shadow",
    "scorer_unshadow",
    "scorer_withdraw",
    "stand_down",
]


@contextmanager
def _moving(scorer: Scorer, actor: User, *stages: str) -> Iterator[Scorer]:
    require_proposer(actor, scorer.tenant_id)
    with transaction.atomic():
        scorers_lock(scorer.tenant_id)
        current = fresh(scorer)
        if current.stage not in stages:
            raise ScorerStageRefused
        yield current


def _moved(scorer: Scorer, kind: str, stage: str, actor: User, now: datetime) -> None:
    before = scorer.stage
    stage_set(scorer, stage)
    active = active_row(scorer.tenant_id)
    active_save(active, actor=actor, now=now)
    change_done(
        kind=kind, scorer=scorer, tenant_id=scorer.tenant_id, before={"stage": before}, after={"stage": stage},
        actor=actor, now=now,
    )  # fmt: skip


def scorer_shadow(*, scorer: Scorer, actor: User, now: datetime) -> Scorer:
    """On trial: it scores live payments, and nothing is decided by it. From the archive, too."""
    with _moving(scorer, actor, Stage.CANDIDATE, Stage.ARCHIVED) as current:
        loads(current)
        if Scorer.objects.filter(tenant_id=current.tenant_id, stage=Stage.SHADOW).count() >= MOST_ON_TRIAL:
            raise ScorerStageRefused(
                gettext_noop("%(most)s scorers are on trial already. Take one of them off first."), most=MOST_ON_TRIAL
            )
        _moved(current, Kind.SHADOW, Stage.SHADOW, actor, now)
        return current


def scorer_unshadow(*, scorer: Scorer, actor: User, now: datetime) -> Scorer:
    """Off trial, a candidate again."""
    with _moving(scorer, actor, Stage.SHADOW) as current:
        _moved(current, Kind.SHADOW, Stage.CANDIDATE, actor, now)
        return current


def scorer_archive(*, scorer: Scorer, actor: User, now: datetime) -> Scorer:
    """Out of the way; its decisions can be replayed and explained for ever."""
    with _moving(scorer, actor, Stage.CANDIDATE, Stage.SHADOW, Stage.CHAMPION) as current:
        if current.stage == Stage.CHAMPION:
            raise ScorerStageRefused(
                gettext_noop("This scorer decides. Go back, or let another one decide, before you archive it.")
            )
        proposed = change_open()
        if proposed is not None and proposed.scorer_id == current.pk:
            raise ScorerStageRefused(
                gettext_noop("This scorer is proposed for production. Settle the proposal before you archive it.")
            )
        _moved(current, Kind.ARCHIVE, Stage.ARCHIVED, actor, now)
        return current
