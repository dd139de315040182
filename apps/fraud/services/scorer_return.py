"""Back, at once and by one person: to what decided before, to the rules alone, or a little along the thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext_noop

from apps.compliance.models import Tenant, User
from apps.fraud.models import ActiveScorer, ScorerChange
from apps.fraud.scorers.trained import Operating
from apps.fraud.selectors.scorers import change_to_undo, described, point_approved, point_told, scorer_numbered
from apps.fraud.services.scorer_force import (
    Kind,
    OperatingRefused,
    ScorerStageRefused,
    Stage,
    active_row,
    active_save,
    champion_set,
    change_done,
    point_check,
    proposals_withdraw,
    require_promoter,
)
from apps.fraud.services.scorer_register import scorers_lock

# One person moves a threshold from half to twice of what two people agreed on: enough to stop a flood of alerts
# tonight, not enough to switch the scorer off or to decline everybody. Measured from the agreed point, so that steps
# do not add up.
LEAST: Final = 0.5
MOST: Final = 2.0


def scorer_go_back(
    *, tenant: Tenant, actor: User, now: datetime, note: str = "", expected: int | None = None
) -> ScorerChange:
    """What decided before the latest change, with its thresholds; again: one step further, down to the rules alone.

    `expected` is the change that the person saw and wants undone: when a colleague was faster, nothing happens twice.
    """
    require_promoter(actor, tenant.pk)
    with transaction.atomic():
        scorers_lock(tenant.pk)
        undone = change_to_undo()
        if undone is None:
            raise ScorerStageRefused(
                gettext_noop("There is nothing to go back to: before this, the rules decided alone.")
            )
        if expected is not None and undone.pk != expected:
            raise _overtaken(tenant.pk)
        return _decide(tenant.pk, undone.before, Kind.GO_BACK, actor, now, note)


def stand_down(*, tenant: Tenant, actor: User, now: datetime, note: str = "") -> ScorerChange:
    """The rules decide alone, with the tenant's own thresholds."""
    require_promoter(actor, tenant.pk)
    with transaction.atomic():
        scorers_lock(tenant.pk)
        if active_row(tenant.pk).scorer_id is None:
            raise ScorerStageRefused(gettext_noop("The rules decide alone already. Nothing was changed."))
        return _decide(tenant.pk, {"scorer": None}, Kind.STAND_DOWN, actor, now, note)


def operating_set(
    *,
    tenant: Tenant,
    operating: Operating,
    actor: User,
    now: datetime,
    note: str = "",
    statement: Mapping[str, Any] | None = None,
) -> ScorerChange:
    """Thresholds of the champion, within bounds. Further away, or another weight, is a proposal for two."""
    require_promoter(actor, tenant.pk)
    point_check(operating)
    with transaction.atomic():
        scorers_lock(tenant.pk)
        active = active_row(tenant.pk)
        if active.scorer is None:
            raise ScorerStageRefused(gettext_noop("No scorer decides, so it has no thresholds. Nothing was changed."))
        after = {"scorer": active.scorer.number, **point_told(operating)}
        if after == described(active):
            raise ScorerStageRefused(gettext_noop("These are the thresholds already. Nothing was changed."))
        _require_near(active, operating)
        return _decide(tenant.pk, after, Kind.THRESHOLDS, actor, now, note, statement)


def bounds(active: ActiveScorer) -> dict[str, tuple[float, float]]:
    """Between what one person may set each threshold."""
    point = point_approved(active)
    told = {} if point is None else point_told(point)
    return {
        name: (_short(told[name] * LEAST), _short(min(told[name] * MOST, 1.0)))
        for name in ("challenge", "deny", "alone_deny")
        if name in told
    }


def _short(value: float) -> float:
    """As it is shown: what the page says is allowed must be."""
    return round(value, 4 if value >= 0.01 else 6)


def _require_near(active: ActiveScorer, wanted: Operating) -> None:
    told = point_told(wanted)
    for name, (least, most) in bounds(active).items():
        if not least - 1e-9 <= told[name] <= most + 1e-9:
            raise OperatingRefused(
                gettext_noop(
                    "One person moves this threshold between %(least)s and %(most)s. Propose what lies beyond, so that "
                    "a second person approves it."
                ),
                least=f"{least:g}",
                most=f"{most:g}",
            )
    if told["weight"] != active.weight:
        raise OperatingRefused(
            gettext_noop("The scorer's weight is changed by two people. Propose it with the thresholds you want.")
        )


def _decide(
    tenant_id: int,
    after: Mapping[str, Any],
    kind: str,
    actor: User,
    now: datetime,
    note: str,
    statement: Mapping[str, Any] | None = None,
) -> ScorerChange:
    """With the lock held. What is left goes back among the candidates: it may have been too slow even for a trial."""
    active = active_row(tenant_id)
    before = described(active)
    scorer = champion_set(active, after, left=Stage.CANDIDATE)
    active_save(active, actor=actor, now=now)
    proposals_withdraw(tenant_id=tenant_id, actor=actor, now=now)
    about = scorer or (scorer_numbered(number=before["scorer"]) if before["scorer"] else None)
    return change_done(
        kind=kind, scorer=about, tenant_id=tenant_id, before=before, after=after, actor=actor, now=now, note=note,
        statement=statement,
    )  # fmt: skip


def _overtaken(tenant_id: int) -> ScorerStageRefused:
    active = active_row(tenant_id)
    return ScorerStageRefused(
        gettext_noop("%(who)s has just changed what decides. Look at it again before you go back."),
        who=active.changed_by or gettext_noop("The product"),
    )
