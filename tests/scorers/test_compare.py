"""Champion and challenger are compared on the same payments, with labels, and with what chance could have done."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from apps.compliance.models import Tenant
from apps.fraud.models import FraudLabel, Scorer, ShadowScore
from apps.fraud.scorers.measures import auc_roc
from apps.fraud.scorers.scorer import Scorer as Loaded
from apps.fraud.services.scorer_compare import Comparison, _interval, _placements, scorer_compare
from tests.scorers.decided import decided
from tests.scorers.small import FEW, NOON, small_scorer, small_trained

WEAK = tuple(name for name in FEW if name not in ("amount_eur", "amount_ratio", "new_device"))


def live(tenant: Tenant, *, count: int = 500, labelled: bool = True) -> tuple[Scorer, Scorer]:
    """A champion that reads little decided; a challenger that reads more scored beside it."""
    champion = small_scorer(tenant, trained=small_trained(features=WEAK))
    challenger = small_scorer(tenant)
    weak = Loaded(small_trained(features=WEAK).artefact)
    ids, rows, _truth = decided(tenant, ends=NOON, count=count, labelled=labelled, scorer=weak,
                                scorer_version=champion.version)  # fmt: skip
    on_trial(challenger, ids, Loaded(small_trained().artefact).probabilities(rows))
    return champion, challenger


def on_trial(scorer: Scorer, ids: list[int], scores: list[float], at: datetime = NOON) -> None:
    ShadowScore.objects.bulk_create(
        ShadowScore(tenant_id=scorer.tenant_id, payment_id=pk, scorer=scorer, score=score, scored_at=at)
        for pk, score in zip(ids, scores, strict=True)
    )


def compared(challenger: Scorer, champion: Scorer | None, now: datetime = NOON) -> Comparison:
    return scorer_compare(challenger=challenger, champion=champion, now=now)


def test_the_better_one_is_named_when_it_is_no_luck(in_tenant: Tenant) -> None:
    champion, challenger = live(in_tenant)
    found = compared(challenger, champion)
    assert (found.payments, found.labelled, found.enough) == (500, 500, True)
    assert found.champion_figures is not None
    assert found.challenger_figures is not None
    assert found.difference == pytest.approx(
        (found.challenger_figures.auc or 0) - (found.champion_figures.auc or 0), abs=1e-5
    )
    assert (found.verdict, found.low is not None and found.low > 0) == ("challenger", True)
    assert found.agreement is not None
    assert 0 < found.agreement < 1
    truth = list(FraudLabel.objects.order_by("payment_id").values_list("is_fraud", flat=True))
    scores = list(ShadowScore.objects.order_by("payment_id").values_list("score", flat=True))
    assert found.challenger_figures.auc == pytest.approx(auc_roc(truth, scores))


def test_a_scorer_beside_itself_differs_by_nothing(in_tenant: Tenant) -> None:
    champion = small_scorer(in_tenant)
    loaded = Loaded(small_trained().artefact)
    ids, rows, _truth = decided(in_tenant, ends=NOON, count=400, scorer=loaded, scorer_version=champion.version)
    twin = small_scorer(in_tenant)
    on_trial(twin, ids, loaded.probabilities(rows))
    found = compared(twin, champion)
    assert (found.difference, found.verdict, found.agreement) == (0.0, "chance", 1.0)


def test_too_few_labels_are_counted_and_no_verdict_is_given(in_tenant: Tenant) -> None:
    champion, challenger = live(in_tenant, count=40)
    found = compared(challenger, champion)
    assert (found.payments, found.labelled, found.enough, found.verdict) == (40, 40, False, "too_few")
    assert found.champion_figures is None


def test_labels_that_had_not_arrived_do_not_count(in_tenant: Tenant) -> None:
    champion, challenger = live(in_tenant, count=40)
    FraudLabel.objects.update(known_at=NOON + timedelta(days=5))
    assert compared(challenger, champion).labelled == 0
    assert compared(challenger, champion, NOON + timedelta(days=6)).labelled == 40


def test_before_there_is_a_champion_the_rules_are_compared_with(in_tenant: Tenant) -> None:
    challenger = small_scorer(in_tenant)
    ids, rows, _truth = decided(in_tenant, ends=NOON, count=500)
    on_trial(challenger, ids, Loaded(small_trained().artefact).probabilities(rows))
    found = compared(challenger, None)
    assert (found.champion, found.enough, found.verdict) == (None, True, "challenger")
    assert found.champion_figures is not None
    assert found.champion_figures.brier is None  # rules say no probability


def test_payments_that_another_scorer_decided_on_are_left_out(in_tenant: Tenant) -> None:
    champion, challenger = live(in_tenant, count=40)
    assert compared(challenger, small_scorer(in_tenant, trained=small_trained(seed=9))).payments == 0
    assert compared(champion, challenger).payments == 0


def test_the_interval_covers_what_bootstrap_draws_give() -> None:
    draw = np.random.default_rng(3)
    truth = draw.random(600) < 0.15
    mine = truth * 1.2 + draw.normal(size=600)
    theirs = truth * 0.9 + draw.normal(size=600)
    frauds, genuine = np.flatnonzero(truth), np.flatnonzero(~truth)
    found = []
    for _n in range(300):
        rows = np.concatenate([draw.choice(frauds, len(frauds)), draw.choice(genuine, len(genuine))])
        found.append((auc_roc(truth[rows], mine[rows]) or 0) - (auc_roc(truth[rows], theirs[rows]) or 0))
    low, high = _interval(truth, mine, theirs)
    assert low == pytest.approx(np.quantile(found, 0.025), abs=0.02)
    assert high == pytest.approx(np.quantile(found, 0.975), abs=0.02)
    assert float(_placements(truth, mine).mean()) == pytest.approx(auc_roc(truth, mine))
