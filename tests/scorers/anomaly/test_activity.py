"""Hours of activity: what is counted, what an actor's own norm is, and that odd ones are found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.anomaly import activity
from apps.fraud.scorers.anomaly.activity import Act, Hour, Hours, with_norms
from apps.fraud.scorers.anomaly.budget import Candidate, Top, daily_share, oddest
from tests.scorers.anomaly.people import MONDAY, an_act

PARIS = ZoneInfo("Europe/Paris")


def told(acts: list[Act], main: str = "acts") -> list[tuple[Hour, dict[str, Value]]]:
    hours = Hours()
    hours.add(acts)
    return list(with_norms(hours.in_order(), main=main, zone=PARIS))


def morning(day: int, count: int = 4, **more: str) -> list[Act]:
    at = MONDAY + timedelta(days=day, hours=8)
    return [an_act(at + timedelta(minutes=one), 1, what=0.5, record=one, **more) for one in range(count)]


def test_acts_of_an_hour_are_counted_together_and_things_once() -> None:
    [(hour, values)] = told([*morning(0), *morning(0)])
    assert hour.start == MONDAY + timedelta(hours=8)
    assert (values["acts"], values["changes"], values["objects"], values["networks"]) == (8, 8, 4, 1)


def test_two_people_and_two_hours_are_kept_apart() -> None:
    later = an_act(MONDAY + timedelta(hours=9), 1, what=0.5, record=1)
    other = an_act(MONDAY + timedelta(hours=8), 2, what=0.5, record=1)
    assert len(told([*morning(0), later, other])) == 3


def test_nobody_has_a_norm_before_a_few_hours() -> None:
    values = [one for _hour, one in told([act for day in range(7) for act in morning(day)])]
    assert [one["times_own"] for one in values] == [None] * 5 + [1.0, 1.0]
    assert [one["unusual_hour"] for one in values] == [None] * 5 + [False, False]


def test_an_hour_is_compared_with_the_actors_own_earlier_ones() -> None:
    week = [act for day in range(6) for act in morning(day)]
    at = MONDAY + timedelta(days=6, hours=1)
    night = [an_act(at, 1, what=0.0, record=one, network="elsewhere") for one in range(40)]
    _hour, values = told([*week, *night])[-1]
    assert values["times_own"] == 10.0
    assert values["unusual_hour"] is True
    assert values["new_network"] is True
    assert values["night"] is True
    assert values["reveals"] == 40


def test_night_is_that_of_the_tenants_own_zone() -> None:
    summer = datetime(2025, 7, 1, 4, 30, tzinfo=UTC)  # half past six in Paris
    [(_hour, values)] = told([an_act(summer, 1, what=0.5, record=1)])
    assert values["night"] is False


def test_memory_is_bounded_and_what_it_costs_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "MOST_HOURS", 10)
    hours = Hours()
    hours.add(an_act(MONDAY + timedelta(hours=one), 1, what=0.5, record=1) for one in range(25))
    assert len(hours.kept) <= 10
    assert hours.forgotten + len(hours.kept) == 25
    assert max(start for _actor, start in hours.kept) == MONDAY + timedelta(hours=24)


def test_different_things_of_an_hour_are_counted_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "MOST_DIFFERENT", 3)
    [(_hour, values)] = told(morning(0, count=9))
    assert values["objects"] == 3


def test_of_an_actors_period_only_the_oddest_is_told() -> None:
    day, next_day = MONDAY, MONDAY + timedelta(days=1)
    found = oddest(
        [
            Candidate(0.6, "C1", day, 1), Candidate(0.7, "C1", day, 2), Candidate(0.65, "C2", day, 3),
            Candidate(0.61, "C1", next_day, 4),
        ]
    )  # fmt: skip
    assert [one.place for one in found] == [2, 3, 4]


def test_what_is_held_of_a_stream_does_not_grow() -> None:
    top = Top(3)
    for one in range(1_000):
        top.add([(one / 1_000, one)])
    assert [place for _score, place in top.kept] == [999, 998, 997]


@pytest.mark.parametrize(
    ("rows", "seconds", "share"),
    [(1_000, 86_400, 0.02), (1_000, 3_600, 0.02), (10, 86_400, 1.0), (14_000, 604_800, 0.01)],
)
def test_a_budget_becomes_a_share_of_what_comes_in(rows: int, seconds: float, share: float) -> None:
    assert daily_share(budget=20, rows=rows, seconds=seconds) == pytest.approx(share)
