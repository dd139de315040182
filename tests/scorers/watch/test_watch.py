"""A day of a scorer against its training: what is out of bounds is told, once; a quiet day tells nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.compliance.models import Tenant, User
from apps.fraud.engine.features.catalogue import INDEX
from apps.fraud.models import OperationalAlert, Scorer, ScorerChange, ScorerWatch
from apps.fraud.selectors.watch import alerts_promised
from apps.fraud.services.scorer_watch import DayNotOver, scorer_watches_forget, scorers_watch
from kivendtout.lib.tenancy import tenant_scope
from tests.conftest import make_person
from tests.scorers.small import small_rows, small_scorer
from tests.scorers.watch.days import A_DAY, DAY, MORNING, Row, champion, decided, scores_of, watchable

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidently takes seconds; its page has tests of its own."""
    monkeypatch.setattr("apps.fraud.services.scorer_watch.page_made", lambda *_given: b"page")


def run(tenant: Tenant, *, day_offset: int = 0) -> list[ScorerWatch]:
    days = timedelta(days=day_offset)
    return scorers_watch(tenant_id=tenant.pk, day=DAY + days, now=MORNING + days)


def kinds() -> list[str]:
    return sorted(OperationalAlert.objects.values_list("kind", flat=True))


def ordinary(seed: int = 31, count: int = A_DAY) -> tuple[list[Row], list[bool]]:
    return small_rows(count, seed=seed)


def dearer(rows: list[Row]) -> list[Row]:
    """Customers who pay five times what they did, for a quarter of the payments without a known habit."""
    for n, row in enumerate(rows):
        row[INDEX["amount_ratio"]] = None if n % 4 == 0 else row[INDEX["amount_ratio"]] * 5  # type: ignore[operator]
    return rows


def test_a_quiet_day_raises_nothing(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    rows, truth = ordinary()
    decided(in_tenant, DAY, rows, by=scorer, truth=truth, alerts=40)
    [row] = run(in_tenant)
    assert (row.payments, row.alerts, row.day) == (A_DAY, 40, DAY)
    assert row.score_psi is not None and row.score_psi < 0.1 and row.worst_psi is not None and row.worst_psi < 0.1
    assert row.auc is not None and row.auc > 0.8 and row.precision is not None
    assert row.findings["out"] == [] and not OperationalAlert.objects.exists()
    assert set(row.findings["features"]) == {column["name"] for column in _columns()}
    assert sum(one["weight"] for one in row.findings["features"].values()) == pytest.approx(1, abs=1e-3)


def _columns() -> list[dict[str, str]]:
    return [{"name": name} for name in watchable().baseline["features"]]


def test_payments_of_another_kind_raise_drift_and_nothing_else(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    decided(in_tenant, DAY, dearer(ordinary()[0]), by=scorer)
    [row] = run(in_tenant)
    assert kinds() == ["drift"]
    alert = OperationalAlert.objects.get()
    assert alert.scorer == scorer and alert.facts["day"] == DAY.isoformat()
    assert alert.facts["features"][0]["name"] == "amount_ratio" and alert.facts["score_psi"] == row.score_psi
    told = row.findings["features"]["amount_ratio"]
    assert (told["missing"], told["missing_before"]) == (0.25, 0.0) and told["psi"] > 0.2
    assert row.worst_feature == "amount_ratio"


def test_one_feature_that_hardly_weighs_does_not_cry_wolf(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    rows, _truth = ordinary()
    scores = scores_of(rows)
    for row in rows:
        row[INDEX["hour"]] = 3
    decided(in_tenant, DAY, rows, by=scorer, scores=scores)
    [row] = run(in_tenant)
    assert row.worst_feature == "hour" and row.worst_psi is not None and row.worst_psi > 0.2
    assert row.findings["shifted"][0]["weight"] < 0.1 and kinds() == []


def test_a_scorer_that_no_longer_tells_frauds_apart_raises_decay(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    rows, truth = ordinary()
    decided(in_tenant, DAY, rows, by=scorer, truth=[*truth[200:], *truth[:200]])
    [row] = run(in_tenant)
    assert row.auc is not None and row.auc < 0.7 and kinds() == ["decay"]
    facts = OperationalAlert.objects.get().facts
    assert facts["auc"] == row.auc and facts["limit"] == pytest.approx(0.9 * facts["auc_training"], abs=1e-5)
    assert facts["labelled"] == A_DAY


def test_labels_that_are_not_known_yet_count_for_nothing(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    rows, truth = ordinary()
    decided(in_tenant, DAY, rows, by=scorer, truth=[*truth[200:], *truth[:200]])
    early = MORNING - timedelta(hours=6)
    [row] = scorers_watch(tenant_id=in_tenant.pk, day=DAY, now=early)
    assert row.auc is None and kinds() == []
    assert row.findings["labels"]["told"] == 0


def test_frauds_three_times_as_many_as_promised_raise_calibration(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    rows, truth = ordinary()
    scores = [score / 4 for score in scores_of(rows)]
    decided(in_tenant, DAY, rows, by=scorer, scores=scores, truth=truth)
    [row] = run(in_tenant)
    assert "calibration" in kinds() and row.calibration_error is not None and row.calibration_error > 0.05
    facts = OperationalAlert.objects.get(kind="calibration").facts
    assert facts["seen"] > 2 * facts["expected"]


def test_three_times_the_usual_alerts_raise_volume(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    rows, _truth = ordinary()
    for weeks, alerts in ((1, 30), (2, 34), (3, 28), (4, 30)):
        decided(in_tenant, DAY - timedelta(weeks=weeks), rows[:60], by=scorer, alerts=alerts)
    decided(in_tenant, DAY, rows, by=scorer, alerts=90)
    [row] = run(in_tenant)
    facts = OperationalAlert.objects.get().facts
    assert kinds() == ["volume"] and (facts["alerts"], facts["usual"], row.alerts) == (90, 30, 90)
    assert [one["alerts"] for one in row.findings["volume"]["weeks"]] == [30, 34, 28, 30]


def test_a_day_without_alerts_where_there_are_always_some_raises_volume_too(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    rows, _truth = ordinary()
    for weeks in (1, 2):
        decided(in_tenant, DAY - timedelta(weeks=weeks), rows[:60], by=scorer, alerts=40)
    decided(in_tenant, DAY, rows, by=scorer, alerts=0)
    run(in_tenant)
    assert kinds() == ["volume"]


def test_days_of_the_scorer_before_are_no_measure_once_it_has_days_of_its_own(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    rows, _truth = ordinary()
    for weeks, by, alerts in ((1, scorer, 50), (2, scorer, 52), (3, None, 5), (4, None, 5)):
        decided(in_tenant, DAY - timedelta(weeks=weeks), rows[:60], by=by, alerts=alerts)
    decided(in_tenant, DAY, rows, by=scorer, alerts=60)
    [row] = run(in_tenant)
    assert row.findings["volume"]["usual"] == 51 and row.findings["volume"]["basis"] == "own_days" and kinds() == []


def stated(scorer: Scorer, *, kind: str = "promote", alerts: float | None = None) -> None:
    person = User.objects.first() or make_person(scorer.tenant, "lead")
    ScorerChange.objects.create(
        kind=kind, state="done", scorer=scorer, before={}, after={}, statement={"after": {"alerts": alerts}},
        asked_at=MORNING, settled_at=MORNING, settled_by=person,
    )  # fmt: skip


def test_a_new_champion_is_held_against_what_was_said_when_it_was_promoted(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    stated(scorer, alerts=20.5)
    rows, _truth = ordinary()
    for weeks in (1, 2, 3):
        decided(in_tenant, DAY - timedelta(weeks=weeks), rows[:60], by=None, alerts=60)
    decided(in_tenant, DAY, rows, by=scorer, alerts=70)
    [row] = run(in_tenant)
    assert (row.findings["volume"]["usual"], row.findings["volume"]["basis"]) == (20.5, "statement")
    assert kinds() == ["volume"]


def test_what_was_said_of_a_promotion_that_was_taken_back_is_no_measure(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    stated(scorer, alerts=20.5)
    stated(scorer, alerts=400)
    stated(scorer, kind="go_back")
    assert alerts_promised(scorer) == 20.5
    stated(scorer, kind="go_back")
    assert alerts_promised(scorer) is None


def test_what_happens_on_sundays_is_no_measure_for_mondays(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    rows, _truth = ordinary()
    for days in (1, 8, 15):
        decided(in_tenant, DAY - timedelta(days=days), rows[:60], by=scorer, alerts=5)
    decided(in_tenant, DAY, rows, by=scorer, alerts=60)
    [row] = run(in_tenant)
    assert row.findings["volume"]["usual"] is None and kinds() == []


def test_the_same_day_watched_again_changes_nothing(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    decided(in_tenant, DAY, dearer(ordinary()[0]), by=scorer)
    [first] = run(in_tenant)
    times = OperationalAlert.objects.get().times
    [second] = scorers_watch(tenant_id=in_tenant.pk, day=DAY, now=MORNING + timedelta(hours=3))
    assert (second.pk, second.made_at, second.findings) == (first.pk, first.made_at, first.findings)
    assert ScorerWatch.objects.count() == 1 and OperationalAlert.objects.get().times == times == 1


def test_what_lasts_another_day_is_the_same_alert_seen_again(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    for n in (0, 1):
        decided(in_tenant, DAY + timedelta(days=n), dearer(ordinary()[0]), by=scorer)
        run(in_tenant, day_offset=n)
    alert = OperationalAlert.objects.get()
    assert alert.times == 2 and alert.facts["day"] == (DAY + timedelta(days=1)).isoformat()
    run(in_tenant)  # the older day again is no news
    alert.refresh_from_db()
    assert alert.times == 2


def test_a_handled_day_watched_again_does_not_come_back(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    decided(in_tenant, DAY, dearer(ordinary()[0]), by=scorer)
    run(in_tenant)
    OperationalAlert.objects.update(status="handled")
    run(in_tenant)
    assert OperationalAlert.objects.get().status == "handled"


def test_labels_that_arrive_later_are_in_the_row_when_it_is_watched_again(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    rows, truth = ordinary()
    decided(in_tenant, DAY, rows, by=scorer, truth=truth)
    [early] = scorers_watch(tenant_id=in_tenant.pk, day=DAY, now=MORNING - timedelta(hours=6))
    [later] = run(in_tenant)
    assert early.pk == later.pk and early.auc is None and later.auc is not None
    assert ScorerWatch.objects.count() == 1


def test_a_scorer_on_trial_is_watched_but_has_no_alerts(in_tenant: Tenant) -> None:
    trial = small_scorer(in_tenant, trained=watchable())
    scorer = champion(in_tenant, shadows=[trial.number])
    rows, truth = ordinary()
    decided(in_tenant, DAY, rows, by=scorer, on_trial=trial, truth=truth, alerts=40)
    first, second = run(in_tenant)
    assert (first.scorer, first.alerts, second.scorer, second.alerts) == (scorer, 40, trial, 0)
    assert second.payments == A_DAY and second.auc == first.auc and second.precision is None
    assert "volume" not in second.findings


def test_a_day_with_few_payments_is_seen_with_the_week_before_it(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    rows, _truth = ordinary(count=600)
    for n in range(6):
        decided(in_tenant, DAY - timedelta(days=n), rows[n * 100 : n * 100 + 100], by=scorer)
    [row] = run(in_tenant)
    assert (row.payments, row.findings["days"], row.findings["rows"]) == (100, 7, 600)
    assert row.score_psi is not None


def test_too_few_payments_say_nothing(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    decided(in_tenant, DAY, dearer(ordinary(count=50)[0]), by=scorer)
    [row] = run(in_tenant)
    assert (row.score_psi, row.worst_psi, row.worst_feature, row.report) == (None, None, "", None)
    assert not row.findings["enough"] and kinds() == []


def test_a_day_without_payments_is_kept_as_one(in_tenant: Tenant) -> None:
    champion(in_tenant)
    [row] = run(in_tenant)
    assert (row.payments, row.alerts, row.auc) == (0, 0, None) and kinds() == []


def test_days_are_those_of_the_tenant(in_tenant: Tenant) -> None:
    """Payments at 23:00 UTC of the day before fall into the day in Paris."""
    scorer = champion(in_tenant)
    references = decided(in_tenant, DAY, ordinary(count=30)[0], by=scorer)
    assert [row.payments for row in run(in_tenant)] == [30]
    Tenant.objects.filter(pk=in_tenant.pk).update(time_zone="Pacific/Kiritimati")  # fourteen hours ahead: 22:00
    assert [row.payments for row in run(in_tenant)] == [30]
    Tenant.objects.filter(pk=in_tenant.pk).update(time_zone="Pacific/Pago_Pago")  # eleven behind: the evening before
    [row] = scorers_watch(tenant_id=in_tenant.pk, day=DAY, now=MORNING + timedelta(days=1))
    assert row.payments == 0 and len(references) == 30


def test_a_day_that_is_not_over_is_not_watched(in_tenant: Tenant) -> None:
    champion(in_tenant)
    with pytest.raises(DayNotOver):
        scorers_watch(tenant_id=in_tenant.pk, day=MORNING.date(), now=MORNING)


def test_a_large_day_is_read_one_in_so_many(in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = champion(in_tenant)
    rows, truth = ordinary(count=1_200)
    decided(in_tenant, DAY, rows, by=scorer, truth=truth)
    for name in ("MOST_ROWS", "MOST_LABELLED"):
        monkeypatch.setattr(f"apps.fraud.selectors.watch.{name}", 600)
    [row] = run(in_tenant)
    assert (row.payments, row.findings["rows"]) == (1_200, 600) and row.findings["labels"]["payments"] == 600
    assert row.score_psi is not None and row.score_psi < 0.1


def test_another_tenants_payments_are_not_seen(in_tenant: Tenant, neighbour: Tenant) -> None:
    scorer = champion(in_tenant)
    decided(in_tenant, DAY, ordinary(count=20)[0], by=scorer)
    with tenant_scope(neighbour.pk):
        theirs = champion(neighbour)
        rows, truth = ordinary()
        decided(neighbour, DAY, dearer(rows), by=theirs, truth=truth, alerts=90)
    [row] = run(in_tenant)
    assert row.payments == 20 and row.findings["labels"]["payments"] == 20 and kinds() == []
    with tenant_scope(neighbour.pk):
        assert not ScorerWatch.objects.exists()


def test_without_a_scorer_in_force_there_is_nothing_to_watch(in_tenant: Tenant) -> None:
    assert run(in_tenant) == []


def test_old_watches_go_and_pages_of_quiet_days_before_them(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    values = {"payments": 1, "alerts": 0, "report": b"page", "made_at": MORNING, "scorer": scorer}
    loud = {"out": [{"kind": "drift", "facts": {}}]}
    for days, findings in ((401, loud), (40, {"out": []}), (39, loud), (1, {"out": []})):
        ScorerWatch.objects.create(day=DAY - timedelta(days=days), findings=findings, **values)
    assert scorer_watches_forget(now=MORNING - timedelta(days=1)) == 1
    kept = ScorerWatch.objects.order_by("day").values_list("report", flat=True)
    assert [one and bytes(one) for one in kept] == [None, b"page", b"page"]


def test_handled_alerts_go_after_two_years_and_open_ones_stay(in_tenant: Tenant) -> None:
    old = MORNING - timedelta(days=731)
    for kind, handled_at in (("drift", old), ("decay", MORNING - timedelta(days=1)), ("volume", None)):
        OperationalAlert.objects.create(
            kind=kind, facts={}, raised_at=old, last_at=old, handled_at=handled_at,
            status="handled" if handled_at else "open",
        )  # fmt: skip
    scorer_watches_forget(now=MORNING)
    assert kinds() == ["decay", "volume"]
