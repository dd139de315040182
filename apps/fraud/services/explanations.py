"""Why a decision was what it was: exact for what was decided, on demand; what the scorer gave to alerts is kept.

The contributions come from the stored row and the stored artefact, never from today's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec
import structlog
from django.db.models import Exists, OuterRef, Q

from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.what_if import SAME, Rescore
from apps.fraud.models import Decision, Explanation, FraudAlert
from apps.fraud.models import Scorer as ScorerRow
from apps.fraud.scorers.explain import Walk, walk
from apps.fraud.scorers.scorer import Scorer
from apps.fraud.selectors.catalogues import catalogue_index
from apps.fraud.services.explained import Explained, explained
from apps.fraud.services.replay import Stored, stored_read
from apps.fraud.services.unreadable import Unreadable
from apps.fraud.state.scorer_memory import scorer_memory
from apps.payments.models import Currency
from kivendtout.lib.errors import KvtError
from kivendtout.lib.tenancy import tenant_scope

log = structlog.get_logger(__name__)
# Some seconds of work at most, so that one job never waits for the one before.
BATCH: Final = 500
# Older alerts are explained when somebody opens them; a job that came back after a day has enough to do.
RECENT: Final = timedelta(days=1)
# What reading a stored row, its rules, its scorer or its catalogue raises when something of it is lost or damaged.
DAMAGED: Final = (KvtError, LookupError, ValueError, TypeError, msgspec.MsgspecError)
_unreadable: Final = Unreadable()


@dataclass(frozen=True, slots=True)
class Made:
    made: int
    unreadable: int
    """Alerts whose scorer, or whose stored row, cannot be read."""


class OtherScorer(KvtError):
    """Under the number that the decision names there is another artefact, or it says something else of the row."""

    code = "other_scorer"
    message = "The scorer on record is not the one that decided."


def decision_explain(decision: Decision) -> Explained:
    """Raises what `stored_read` raises. A scorer that cannot be read leaves the rules' part, and says so."""
    stored = stored_read(decision)
    minor_units = _minor_units(stored)
    if not _spoke(stored):
        return explained(stored, None, None, minor_units=minor_units, readable=True)
    try:
        found = _kept(decision, stored) or _walks(decision, [stored])[0]
        if found is None:
            raise OtherScorer
        baseline = _baseline(decision.tenant_id, _number(decision.scorer_version))
    except (KvtError, KeyError, ValueError) as error:
        log.warning("decision_not_explained", decision=decision.pk, error=type(error).__name__)
        return explained(stored, None, None, minor_units=minor_units, readable=False)
    return explained(stored, found, baseline, minor_units=minor_units, readable=True)


def decision_rescore(decision: Decision, stored: Stored) -> Rescore | None:
    """Asks the scorer that decided about another row; None when there was none, or when it cannot be read."""
    if not _spoke(stored):
        return None
    try:
        scorer = _scorer(decision, stored.index)
    except (KvtError, KeyError, ValueError):
        return None

    def rescore(row: Sequence[Value]) -> float:
        return scorer.probabilities([row])[0]

    return rescore


def explanations_make(*, tenant_id: int, now: datetime, limit: int = BATCH) -> Made:
    """For recent alerts that have none yet, newest first; repeating it changes nothing."""
    made, unreadable = 0, 0
    with tenant_scope(tenant_id):
        pending = _pending(now).exclude(pk__in=_unreadable.left_alone(now))
        for version in sorted(set(pending.values_list("scorer_version", flat=True))):
            some = list(pending.filter(scorer_version=version).order_by("-pk")[: limit - made])
            rows = list(_explanations(some, now))
            Explanation.objects.bulk_create(rows, ignore_conflicts=True)
            failed = {one.pk for one in some} - {row.payment_id for row in rows}
            _unreadable.add(failed, now)
            made += len(rows)
            unreadable += len(failed)
    return Made(made, unreadable)


def _pending(now: datetime) -> Any:
    alerts = FraudAlert.objects.filter(status__in=FraudAlert.Status.values, raised_at__gte=now - RECENT)
    return Decision.objects.filter(
        ~Q(scorer_version=""),
        ~Exists(Explanation.objects.filter(payment_id=OuterRef("pk"))),
        pk__in=alerts.values("payment_id"),
    )


def _explanations(decisions: Sequence[Decision], now: datetime) -> Iterator[Explanation]:
    """Of one scorer; those stored under one catalogue in one go."""
    by_catalogue: dict[str, list[Decision]] = {}
    for one in decisions:
        by_catalogue.setdefault(one.catalogue_version, []).append(one)
    for some in by_catalogue.values():
        for one, found in _walked(some):
            told = msgspec.to_builtins(found)
            base = told.pop("base")
            scorer_id, _baseline_of = _row(one.tenant_id, _number(one.scorer_version))
            yield Explanation(
                tenant_id=one.tenant_id, payment_id=one.pk, scorer_id=scorer_id, base=base, contributions=told,
                made_at=now,
            )  # fmt: skip


def _walked(decisions: Sequence[Decision]) -> Iterator[tuple[Decision, Walk]]:
    """In one go; one by one where that fails, so that a damaged row costs its own explanation and no other."""
    first = decisions[0]
    try:
        _row(first.tenant_id, _number(first.scorer_version))
        _scorer(first, catalogue_index(first.catalogue_version))
    except DAMAGED as error:
        log.warning(
            "alerts_not_explained", tenant=first.tenant_id, scorer=first.scorer_version, alerts=len(decisions),
            error=type(error).__name__,
        )  # fmt: skip
        return
    try:
        found = _walks(first, [stored_read(one) for one in decisions])
    except DAMAGED as error:
        if len(decisions) > 1:
            for one in decisions:
                yield from _walked([one])
            return
        log.warning("alert_not_explained", decision=first.pk, error=type(error).__name__)
        return
    yield from ((one, told) for one, told in zip(decisions, found, strict=True) if told is not None)


def _spoke(stored: Stored) -> bool:
    return stored.inputs.scorer == "ok" and stored.inputs.scorer_score is not None


def _number(version: str) -> int:
    return int(version.partition(":")[0])


def _scorer(decision: Decision, index: Mapping[str, int]) -> Scorer:
    loaded = scorer_memory.numbered(decision.tenant_id, _number(decision.scorer_version), index)
    if loaded.version != decision.scorer_version:
        raise OtherScorer
    return loaded.scorer


def _walks(decision: Decision, stored: Sequence[Stored]) -> list[Walk | None]:
    """All stored under the decision's catalogue and scored by its scorer. None for one that it scores otherwise."""
    scorer = _scorer(decision, stored[0].index)
    found = scorer.contributions([one.row for one in stored])
    return [
        walk(scorer.names, told, scorer.header.calibration) if _same(one, told.probability) else None
        for one, told in zip(stored, found, strict=True)
    ]


def _same(stored: Stored, probability: float) -> bool:
    known = stored.inputs.scorer_score
    return known is not None and abs(probability - known) <= SAME


def _kept(decision: Decision, stored: Stored) -> Walk | None:
    kept = Explanation.objects.filter(payment_id=decision.pk).values_list("base", "contributions").first()
    if kept is None:
        return None
    try:
        found = msgspec.convert({**kept[1], "base": kept[0]}, Walk)
    except (msgspec.ValidationError, TypeError):
        return None
    return found if _same(stored, found.probability) else None


@lru_cache(maxsize=16)  # what a scorer is never changes; some tens of kilobytes each
def _row(tenant_id: int, number: int) -> tuple[int, Mapping[str, Any]]:
    with tenant_scope(tenant_id):
        found = ScorerRow.objects.filter(number=number).only("pk", "baseline").first()
    if found is None:
        raise OtherScorer
    return found.pk, found.baseline


def _baseline(tenant_id: int, number: int) -> Mapping[str, Any]:
    return _row(tenant_id, number)[1]


def _minor_units(stored: Stored) -> int:
    place = stored.index.get("currency")
    code = None if place is None else stored.row[place]
    found = Currency.objects.filter(pk=code).values_list("minor_units", flat=True).first() if code else None
    return 2 if found is None else found
