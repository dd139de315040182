"""Scorers, what decides now, and what was changed about it."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet

from apps.fraud.models import ActiveScorer, Scorer, ScorerArtefact, ScorerChange
from apps.fraud.scorers.trained import Operating

Kind = ScorerChange.Kind
State = ScorerChange.State
# What each of these did to payments can be taken back; trials and archives decide nothing.
DECISIVE: Final = (Kind.PROMOTE, Kind.THRESHOLDS, Kind.STAND_DOWN, Kind.GO_BACK)
HEAVY: Final = ("parameters", "report", "baseline")


def scorers_all() -> QuerySet[Scorer]:
    found: QuerySet[Scorer] = Scorer.objects.select_related("made_by").order_by("-number")
    return found


def scorer_numbered(*, number: int) -> Scorer | None:
    found: Scorer | None = Scorer.objects.filter(number=number).first()
    return found


def scorer_content(*, scorer: Scorer) -> bytes:
    content = ScorerArtefact.objects.filter(scorer=scorer).values_list("content", flat=True).first()
    return bytes(content or b"")


def scorer_active() -> ActiveScorer | None:
    """The row in force; None where no scorer ever decided or was on trial."""
    found: ActiveScorer | None = ActiveScorer.objects.select_related("scorer", "changed_by").first()
    return found


def operating_now(active: ActiveScorer | None) -> Operating | None:
    """None: the rules decide alone."""
    if active is None or active.scorer_id is None:
        return None
    return Operating(challenge=active.challenge, deny=active.deny, weight=active.weight, alone_deny=active.alone_deny)


def described(active: ActiveScorer | None) -> dict[str, Any]:
    """What decides, as changes keep it. Rules alone: no scorer."""
    point = operating_now(active)
    if active is None or active.scorer is None or point is None:
        return {"scorer": None}
    return {"scorer": active.scorer.number, **point_told(point)}


def point_told(point: Operating) -> dict[str, float]:
    return {"challenge": point.challenge, "deny": point.deny, "weight": point.weight, "alone_deny": point.alone_deny}


def point_of(told: dict[str, Any]) -> Operating:
    return Operating(**{name: float(told[name]) for name in ("challenge", "deny", "weight", "alone_deny")})


def change_open() -> ScorerChange | None:
    """The promotion that waits for a second person."""
    return changes().filter(kind=Kind.PROMOTE, state=State.OPEN).first()


def changes() -> QuerySet[ScorerChange]:
    found: QuerySet[ScorerChange] = ScorerChange.objects.select_related("scorer", "asked_by", "settled_by").defer(
        *(f"scorer__{name}" for name in HEAVY)
    )
    return found


def changes_standing() -> list[ScorerChange]:
    """Those that decided and have not been taken back, in the order in which they came: each return takes one off.

    In the order of their rows. Moments are read before the lock is held, so they may stand the other way round. Rows
    are made with it held, and a proposal settles before any younger change or not at all: each change withdraws it.
    """
    standing: list[ScorerChange] = []
    for one in changes().filter(kind__in=DECISIVE, state=State.DONE).order_by("pk"):
        if one.kind != Kind.GO_BACK:
            standing.append(one)
        elif standing:
            standing.pop()
    return standing


def change_to_undo() -> ScorerChange | None:
    """The latest that stands: each return goes one step further into the past."""
    standing = changes_standing()
    return standing[-1] if standing else None


def promotion_standing(*, scorer_id: int) -> ScorerChange | None:
    """What two people agreed on for this scorer, and nobody has taken back."""
    promotions = (
        one for one in reversed(changes_standing()) if one.kind == Kind.PROMOTE and one.scorer_id == scorer_id
    )
    return next(promotions, None)


def point_approved(active: ActiveScorer) -> Operating | None:
    """The operating point that two people agreed on for what decides now; from it, one person may move only so far."""
    promoted = None if active.scorer_id is None else promotion_standing(scorer_id=active.scorer_id)
    return None if promoted is None else point_of(promoted.after)
