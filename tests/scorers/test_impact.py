"""What a promotion would change is told from stored decisions, made again with lists and rules as they were met."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.compliance.models import Tenant
from apps.fraud.engine.decide import Inputs, Policy, decide
from apps.fraud.engine.features.catalogue import INDEX
from apps.fraud.scorers.scorer import Scorer as Loaded
from apps.fraud.scorers.trained import Operating
from apps.fraud.selectors import decision_sample as sampling
from apps.fraud.services.scorer_impact import Side, scorer_impact
from tests.conftest import make_person
from tests.scorers.decided import BLOCKED, LET_IN, RULE, decided
from tests.scorers.small import NOON, small_rows, small_scorer, small_trained

POINT = Operating(challenge=0.15, deny=0.45, weight=0.8, alone_deny=0.5)
RULES = Side()


def by_hand(rows: list[Any], point: Operating | None) -> list[str]:
    """The same, one payment at a time."""
    scores = Loaded(small_trained().artefact).probabilities(rows)
    found = []
    for row, score in zip(rows, scores, strict=True):
        rules = (RULE,) if row[INDEX["new_device"]] else ()
        if point is None:
            found.append(decide(Inputs(policy=Policy(), rules=rules)).outcome)
            continue
        policy = Policy(challenge=point.challenge, deny=point.deny, scorer_weight=point.weight)
        found.append(decide(Inputs(policy=policy, rules=rules, scorer="ok", scorer_score=score)).outcome)
    return found


def test_figures_are_those_of_deciding_each_payment_again(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    _ids, rows, truth = decided(in_tenant, ends=NOON)
    found = scorer_impact(tenant_id=in_tenant.pk, before=RULES, after=Side(scorer.number, POINT), now=NOON)
    now, then = by_hand(rows, None), by_hand(rows, POINT)
    assert (found.source, found.payments, found.of, found.labelled) == ("decisions", 300, 300, 300)
    assert found.days == pytest.approx(10, abs=0.1)
    assert found.before is not None
    assert found.after is not None
    touched = [outcome != "ALLOW" for outcome in then]
    assert found.before.alerts == pytest.approx(sum(one != "ALLOW" for one in now) / found.days, abs=0.02)
    assert found.after.alerts == pytest.approx(sum(touched) / found.days, abs=0.02)
    assert found.after.declined == pytest.approx(then.count("DENY") / found.days, abs=0.02)
    euros = sum(float(row[INDEX["amount_eur"]] or 0) for row, one in zip(rows, then, strict=True) if one == "DENY")
    assert found.after.declined_eur == pytest.approx(euros / found.days, abs=1)
    caught = sum(one for one, fraud in zip(touched, truth, strict=True) if fraud) / sum(truth)
    assert found.after.frauds_caught == pytest.approx(caught, abs=1e-4)
    moves = {f"{a}>{b}" for a, b in zip(now, then, strict=True) if a != b}
    assert set(found.moves) == moves
    assert "ALLOW>DENY" in moves
    # Five customers, each counted once a day at most.
    assert found.after.customers_challenged <= 5.5


def test_the_same_scorer_and_thresholds_change_nothing(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    decided(in_tenant, ends=NOON, count=60)
    side = Side(scorer.number, POINT)
    found = scorer_impact(tenant_id=in_tenant.pk, before=side, after=side, now=NOON)
    assert found.before == found.after
    assert not found.moves


def test_lists_go_on_deciding_whatever_the_scorer_says(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    decided(in_tenant, ends=NOON, count=40, lists=[BLOCKED] * 20 + [LET_IN] * 20, days=2)
    everything = Operating(challenge=0.0, deny=0.0, weight=1.0, alone_deny=0.0)
    found = scorer_impact(tenant_id=in_tenant.pk, before=RULES, after=Side(scorer.number, everything), now=NOON)
    assert not found.moves  # it would decline everybody: those on the lists were declined, or are let in
    assert found.after is not None
    assert found.after.declined == pytest.approx(20 / found.days, abs=0.02)


def test_only_the_period_is_read(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    decided(in_tenant, ends=NOON - timedelta(days=40), count=30)
    decided(in_tenant, ends=NOON, count=20, days=3)
    found = scorer_impact(tenant_id=in_tenant.pk, before=RULES, after=Side(scorer.number, POINT), now=NOON)
    assert found.payments == 20


def test_a_neighbour_s_decisions_are_not_read(in_tenant: Tenant, neighbour: Tenant, lead_elsewhere: Any) -> None:
    scorer = small_scorer(in_tenant)
    decided(in_tenant, ends=NOON, count=10, days=1)
    lead_elsewhere(NOON)
    found = scorer_impact(tenant_id=in_tenant.pk, before=RULES, after=Side(scorer.number, POINT), now=NOON)
    assert found.payments == 10


@pytest.fixture
def lead_elsewhere(neighbour: Tenant) -> Any:
    from kivendtout.lib.tenancy import tenant_scope

    def decide_there(ends: Any) -> None:
        make_person(neighbour, "lead")
        with tenant_scope(neighbour.pk):
            decided(neighbour, ends=ends, count=12, days=1)

    return decide_there


def test_a_large_period_is_sampled_evenly_and_says_so(in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = small_scorer(in_tenant)
    decided(in_tenant, ends=NOON, count=300)
    monkeypatch.setattr(sampling, "PROBE", 50)
    whole = scorer_impact(tenant_id=in_tenant.pk, before=RULES, after=Side(scorer.number, POINT), now=NOON)
    found = scorer_impact(tenant_id=in_tenant.pk, before=RULES, after=Side(scorer.number, POINT), now=NOON, limit=100)
    assert 95 <= found.payments <= 105
    assert found.of == pytest.approx(300, abs=3)
    assert found.days == pytest.approx(whole.days, abs=0.2)
    assert found.after is not None
    assert whole.after is not None
    assert found.after.alerts == pytest.approx(whole.after.alerts, rel=0.5)


def test_payments_before_the_first_decision_thin_no_sample(in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where five million were loaded before anybody decided."""
    scorer = small_scorer(in_tenant)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(s, nextval(s) + 1000000) FROM pg_get_serial_sequence('payments_paymentreference', 'id') s"
        )
    decided(in_tenant, ends=NOON, count=300)
    monkeypatch.setattr(sampling, "PROBE", 50)
    found = scorer_impact(tenant_id=in_tenant.pk, before=RULES, after=Side(scorer.number, POINT), now=NOON, limit=100)
    assert 90 <= found.payments <= 110


def test_rows_of_another_catalogue_are_read_by_name_or_left_out_and_counted(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    decided(in_tenant, ends=NOON, count=20, days=2, catalogue=tuple(reversed(INDEX)))
    today = scorer_impact(tenant_id=in_tenant.pk, before=RULES, after=Side(scorer.number, POINT), now=NOON)
    decided(in_tenant, ends=NOON, count=7, days=2, catalogue=[name for name in INDEX if name != "hour"])
    found = scorer_impact(tenant_id=in_tenant.pk, before=RULES, after=Side(scorer.number, POINT), now=NOON)
    assert (today.payments, today.unreadable) == (20, 0)
    assert (found.payments, found.unreadable, found.after) == (20, 7, today.after)
    assert found.after is not None
    assert found.after.challenged + found.after.declined == pytest.approx(
        sum(one != "ALLOW" for one in by_hand(small_rows(20, seed=3)[0], POINT)) / found.days, abs=0.02
    )


def test_without_decisions_the_report_speaks(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    found = scorer_impact(tenant_id=in_tenant.pk, before=RULES, after=Side(scorer.number, POINT), now=NOON)
    assert (found.source, found.before, found.after) == ("report", None, None)
    assert found.report["auc"] == scorer.report["measures"]["auc"]
    assert scorer_impact(tenant_id=in_tenant.pk, before=RULES, after=RULES, now=NOON).source == "nothing"
