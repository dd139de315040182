"""What is the matter with scorers: who reads it, who acts on it, and how Evidently's page is fenced in."""

from __future__ import annotations

import gzip
import re
from datetime import timedelta
from typing import Any

import kombu.exceptions
import pytest
from django.test import Client

from apps.compliance.models import Tenant, User
from apps.fraud.admin.operational_alerts import OperationalAlertAdmin
from apps.fraud.admin.scorer_watch import PAGE_POLICY
from apps.fraud.models import ActiveScorer, OperationalAlert, Scorer, ScorerChange, ScorerWatch
from apps.fraud.services.operational_alerts import operational_alert_raise
from apps.fraud.services.scorer_stages import scorer_approve, scorer_propose
from apps.fraud.services.scorer_watch import scorers_watch
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.conftest import ClientOf
from tests.scorers.small import NOON, small_rows, small_scorer
from tests.scorers.watch.days import DAY, MORNING, decided, watchable

LIST = "/admin/fraud/operationalalert/"
DAYS = "/admin/fraud/scorerwatch/"
PAGE = gzip.compress(b"<!DOCTYPE html><title>Evidently</title>")
pytestmark = pytest.mark.django_db


@pytest.fixture
def champion(in_tenant: Tenant, cast: dict[str, User]) -> Scorer:
    """Promoted by two people, so that there is something to go back to."""
    scorer = small_scorer(in_tenant, trained=watchable())
    point = watchable().operating
    change = scorer_propose(scorer=scorer, operating=point, actor=cast["analyst"], now=NOON, statement={})
    scorer_approve(change=change, actor=cast["lead"], now=NOON)
    scorer.refresh_from_db()
    return scorer


def raised(scorer: Scorer, kind: str = "volume", **facts: Any) -> OperationalAlert:
    told = {"day": DAY.isoformat(), "alerts": 90, "usual": 30.0, "basis": "own_days", **facts}
    number = operational_alert_raise(tenant_id=scorer.tenant_id, kind=kind, scorer=scorer, facts=told, now=MORNING)
    return OperationalAlert.objects.get(pk=number)


def url(alert: OperationalAlert, step: str = "change") -> str:
    return f"{LIST}{alert.pk}/{step}/"


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def badge(page: str) -> str:
    """What the menu says beside operational alerts."""
    found = re.search(rf'href="{LIST}".*?</a>', page, re.DOTALL)
    assert found is not None
    told = re.search(r"min-w-\[18px\].*?>\s*(\d+)\s*</span>", found[0], re.DOTALL)
    return told[1] if told else ""


def watched(scorer: Scorer) -> ScorerWatch:
    rows, truth = small_rows(520, seed=31)
    decided(scorer.tenant, DAY, rows, by=scorer, alerts=90, truth=truth)
    return scorers_watch(tenant_id=scorer.tenant_id, day=DAY, now=MORNING)[0]


# --- the list and the menu --------------------------------------------------------------------------------------------
def test_open_alerts_stand_first_and_are_counted_in_the_menu(champion: Scorer, client_of: ClientOf) -> None:
    done = raised(champion, "decay", auc=0.7, auc_training=0.9, labelled=900)
    OperationalAlert.objects.filter(pk=done.pk).update(status="handled", last_at=MORNING + timedelta(days=1))
    raised(champion)
    raised(champion, "drift", score_psi=0.3)
    page = text(client_of("read_only"), LIST)
    places = [page.index(one) for one in ("PSI of the score 0.30", "there were 90 alerts", "has lost accuracy")]
    assert places == sorted(places)
    assert badge(page) == "2"


def test_a_quiet_menu_has_no_badge(champion: Scorer, client_of: ClientOf) -> None:
    assert badge(text(client_of("lead"), "/admin/")) == ""
    raised(champion)
    assert badge(text(client_of("lead"), "/admin/")) == "1"


def test_the_outsider_sees_and_does_nothing(champion: Scorer, client_of: ClientOf) -> None:
    alert, day = raised(champion), with_page(champion)
    client = client_of("outsider")
    assert "there were 90 alerts" not in text(client, LIST) and badge(text(client, "/admin/")) == ""
    for step in ("retrain", "threshold", "go-back", "handle"):
        assert client.post(url(alert, step), {"note": "curiosity"}).status_code == 404
    assert client.get(f"{DAYS}{day.pk}/page/").status_code == 404
    alert.refresh_from_db()
    assert alert.status == "open"


# --- buttons ----------------------------------------------------------------------------------------------------------
BUTTONS = ("retrain", "threshold", "go-back", "handle")


@pytest.mark.parametrize(
    ("role", "kind", "shown"),
    [
        ("lead", "volume", BUTTONS),
        ("lead", "drift", BUTTONS),
        ("lead", "scorer_failed", ("retrain", "go-back", "handle")),
        ("lead", "retrained", ("handle",)),
        ("administrator", "volume", ("handle",)),
        ("analyst", "volume", ()),
        ("read_only", "volume", ()),
    ],
)
def test_each_kind_has_the_buttons_that_help_and_each_role_those_it_may_press(
    role: str, kind: str, shown: tuple[str, ...], champion: Scorer, client_of: ClientOf
) -> None:
    alert = raised(champion, kind)
    page = text(client_of(role), url(alert))
    for step in BUTTONS:
        assert (url(alert, step) in page) is (step in shown), step
        status = client_of(role).get(url(alert, step)).status_code
        assert status == (200 if step in shown or (role == "lead" and step in BUTTONS) else 403)


def test_a_proposed_scorer_is_one_click_away(champion: Scorer, client_of: ClientOf) -> None:
    alert = raised(small_scorer(champion.tenant), "retrained", number=2, auc=0.9)
    page = text(client_of("lead"), url(alert))
    assert "AUC 0.900 on the held-out period. Nothing changes" in page
    assert f'href="/admin/fraud/scorer/{alert.scorer_id}/change/"' in page


def test_a_scorer_that_no_longer_decides_has_no_threshold_to_raise(champion: Scorer, client_of: ClientOf) -> None:
    alert = raised(small_scorer(champion.tenant))
    page = text(client_of("lead"), url(alert))
    assert url(alert, "retrain") in page and url(alert, "threshold") not in page and url(alert, "go-back") not in page


def test_handled_with_a_note_it_has_no_buttons_left(
    champion: Scorer, client_of: ClientOf, cast: dict[str, User]
) -> None:
    alert, client = raised(champion), client_of("administrator")
    assert "This field is required" in client.post(url(alert, "handle"), {"note": " "}).content.decode()
    client.post(url(alert, "handle"), {"note": "A sale, all of it genuine."})
    alert.refresh_from_db()
    assert (alert.status, alert.handled_by, alert.note) == (
        "handled",
        cast["administrator"],
        "A sale, all of it genuine.",
    )
    page = text(client, url(alert))
    assert "A sale, all of it genuine." in page and url(alert, "handle") not in page
    answer = client_of("lead").post(url(alert, "handle"), {"note": "me too"}, follow=True)
    assert "Somebody has handled this already" in answer.content.decode()


def test_the_threshold_offered_brings_back_the_usual_volume(champion: Scorer, client_of: ClientOf) -> None:
    rows, _truth = small_rows(520, seed=31)
    scores = [0.2 + n / 10_000 for n in range(90)][::-1] + [0.01] * 430
    decided(champion.tenant, DAY, rows, by=champion, scores=scores, alerts=90)
    alert, client = raised(champion), client_of("lead")
    page = text(client, url(alert, "threshold"))
    assert 'value="0.206"' in page  # 30 of the 90 lie above it
    assert sum(score >= 0.206 for score in scores) == 30
    assert "brings back about 30 alerts a day" in page
    client.post(url(alert, "threshold"), {"challenge": "0.206", "note": "Too many for tonight."})
    active = ActiveScorer.objects.get()
    assert (active.challenge, active.deny) == (0.206, watchable().operating.deny)
    change = ScorerChange.objects.filter(kind="thresholds").get()
    alert.refresh_from_db()
    assert change.note == "Too many for tonight." and alert.status == "handled"


def test_a_threshold_that_one_person_may_not_set_is_refused_and_nothing_changes(
    champion: Scorer, client_of: ClientOf
) -> None:
    alert = raised(champion)
    answer = client_of("lead").post(url(alert, "threshold"), {"challenge": "0.44", "note": "none at all"})
    assert "One person moves this threshold between" in answer.content.decode()
    alert.refresh_from_db()
    assert alert.status == "open" and ActiveScorer.objects.get().challenge == watchable().operating.challenge


def test_going_back_takes_one_click_and_a_note(champion: Scorer, client_of: ClientOf) -> None:
    alert, client = raised(champion, "decay"), client_of("lead")
    page = text(client, url(alert, "go-back"))
    assert "The rules decide alone again" in page
    undone = ScorerChange.objects.get(kind="promote").pk
    client.post(url(alert, "go-back"), {"note": "Until we know why.", "expected": str(undone)})
    alert.refresh_from_db()
    assert ActiveScorer.objects.get().scorer is None and alert.status == "handled"
    assert ScorerChange.objects.get(kind="go_back").note == "Until we know why."


def test_going_back_when_a_colleague_was_faster_does_nothing_twice(champion: Scorer, client_of: ClientOf) -> None:
    alert = raised(champion, "decay")
    told = {"note": "me too", "expected": "999999"}
    answer = client_of("lead").post(url(alert, "go-back"), told)
    assert answer.status_code == 200 and ActiveScorer.objects.get().scorer == champion
    alert.refresh_from_db()
    assert alert.status == "open"


def test_retraining_is_handed_to_the_jobs_worker(
    champion: Scorer, client_of: ClientOf, cast: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("celery.Celery.send_task", lambda _app, name, **given: sent.append((name, given["kwargs"])))
    alert = raised(champion, "drift")
    answer = client_of("lead").post(url(alert, "retrain"), {"note": "New shop opened."}, follow=True)
    assert "A new scorer is being trained" in answer.content.decode()
    told = {"tenant_id": champion.tenant_id, "why": "asked", "actor_id": cast["lead"].pk}
    assert sent == [("fraud.retrain_scorer", told)]


def test_who_comes_second_has_nothing_trained(
    champion: Scorer, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the alert while it was open; a colleague closes it a moment before this one is written."""
    sent: list[str] = []
    monkeypatch.setattr("celery.Celery.send_task", lambda _app, name, **_given: sent.append(name))
    alert, ours = raised(champion, "drift"), OperationalAlertAdmin._alert

    def read(*given: Any) -> OperationalAlert:
        found = ours(*given)
        OperationalAlert.objects.filter(pk=alert.pk).update(status="handled", handled_at=MORNING, note="first")
        return found

    monkeypatch.setattr(OperationalAlertAdmin, "_alert", read)
    answer = client_of("lead").post(url(alert, "retrain"), {"note": "me too"})
    assert "Somebody has handled this already" in answer.content.decode()
    alert.refresh_from_db()
    assert (sent, alert.note) == ([], "first")


def test_an_alert_stays_open_when_its_training_cannot_be_handed_over(
    champion: Scorer, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_given: Any, **_more: Any) -> None:
        raise kombu.exceptions.OperationalError

    monkeypatch.setattr("celery.Celery.send_task", away)
    alert = raised(champion, "drift")
    answer = client_of("lead").post(url(alert, "retrain"), {"note": "New shop opened."})
    assert "Redis does not answer" in answer.content.decode()
    alert.refresh_from_db()
    assert (alert.status, alert.note) == ("open", "")


def test_the_record_says_what_happened_with_its_figures_in_french_too(champion: Scorer, client_of: ClientOf) -> None:
    alert = raised(champion, "drift", score_psi=0.3141, features=[{"name": "amount_eur", "psi": 0.52, "weight": 0.2}])
    page = text(client_of("lead"), url(alert))
    for part in ("PSI of the score 0.31", "0.314", "amount_eur", "0.52"):
        assert part in page
    french = client_of("lead")
    french.cookies["django_language"] = "fr"
    assert "0,314" in text(french, url(alert))


# --- the day's watch --------------------------------------------------------------------------------------------------
def test_the_days_page_shows_distributions_labels_and_volume(
    champion: Scorer, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.fraud.services.scorer_watch.page_made", lambda *_given: PAGE)
    day, client = watched(champion), client_of("read_only")
    page = text(client, f"{DAYS}{day.pk}/change/")
    for part in ("Nothing was out of bounds.", "amount in euros", "amount_eur", "<svg", "Alert volume", "90", "520"):
        assert part in page, part
    assert page.count("<svg role=") == 1 + len(day.findings["features"])
    listing = text(client, DAYS)
    assert f"{DAYS}{day.pk}/change/" in listing and "Quiet" in listing


def test_what_was_out_of_bounds_is_said_in_the_readers_language(champion: Scorer, client_of: ClientOf) -> None:
    facts = {"day": DAY.isoformat(), "alerts": 90, "usual": 30}
    findings = {"out": [{"kind": "volume", "facts": facts}], "shifted": [{"name": "hour", "psi": 0.9, "weight": 0.01}]}
    row = ScorerWatch.objects.create(
        scorer=champion, day=DAY, payments=1, alerts=90, findings=findings, made_at=MORNING
    )
    page = text(client_of("lead"), f"{DAYS}{row.pk}/change/")
    assert "there were 90 alerts, where 30 are usual" in page
    assert "hour has shifted (PSI 0.90). It weighs 1.0 % in the scorer" in page
    assert ">Volume</span>" in text(client_of("lead"), DAYS)


def with_page(champion: Scorer) -> ScorerWatch:
    return ScorerWatch.objects.create(
        scorer=champion, day=DAY, payments=1, alerts=0, findings={"out": []}, made_at=MORNING, report=PAGE
    )


def test_evidentlys_page_runs_its_scripts_without_our_origin(champion: Scorer, client_of: ClientOf) -> None:
    row = with_page(champion)
    answer = client_of("read_only").get(f"{DAYS}{row.pk}/page/", headers={"accept-encoding": "gzip, br"})
    policy = answer.headers["Content-Security-Policy"]
    assert policy == PAGE_POLICY and policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy and "default-src 'none'" in policy and "connect-src" not in policy
    assert answer.headers["Content-Encoding"] == "gzip" and gzip.decompress(answer.content) == gzip.decompress(PAGE)
    assert "Accept-Encoding" in answer.headers["Vary"] and answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("offered", ["", "br", "gzip;q=0"])
def test_a_browser_that_does_not_take_gzip_gets_it_plain(offered: str, champion: Scorer, client_of: ClientOf) -> None:
    row = with_page(champion)
    answer = client_of("lead").get(f"{DAYS}{row.pk}/page/", headers={"accept-encoding": offered})
    assert "Content-Encoding" not in answer.headers and answer.content == gzip.decompress(PAGE)


def test_it_can_be_downloaded_under_a_name_that_says_what_it_is(champion: Scorer, client_of: ClientOf) -> None:
    row = with_page(champion)
    page = text(client_of("lead"), f"{DAYS}{row.pk}/change/")
    assert f"{DAYS}{row.pk}/page/?download" in page
    answer = client_of("lead").get(f"{DAYS}{row.pk}/page/?download")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="scorer-1-{DAY}.html"'


def test_a_day_without_a_page_says_nothing_of_one(champion: Scorer, client_of: ClientOf) -> None:
    row = with_page(champion)
    ScorerWatch.objects.update(report=None)
    assert "/page/" not in text(client_of("lead"), f"{DAYS}{row.pk}/change/")
    assert client_of("lead").get(f"{DAYS}{row.pk}/page/").status_code == 404
    assert client_of("lead").post(f"{DAYS}{row.pk}/page/").status_code == 405


def test_who_may_not_see_watches_does_not_see_their_pages(champion: Scorer, client_of: ClientOf) -> None:
    row = with_page(champion)
    for address in (DAYS, f"{DAYS}{row.pk}/page/", LIST):
        assert client_of("developer").get(address).status_code == 403


def test_the_neighbours_alerts_are_not_counted_in_our_menu(
    champion: Scorer, neighbour: Tenant, client_of: ClientOf
) -> None:
    with tenant_scope(neighbour.pk):
        raised(small_scorer(neighbour))
    assert badge(text(client_of("lead"), "/admin/")) == ""
