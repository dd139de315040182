"""The protocol's rules on a calendar small enough to count on one's fingers. The real file is the command's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from apps.fraud.scorers.artefact import Column
from apps.fraud.scorers.handbook import (
    CHOICE,
    FLOORS,
    WEEKS,
    Indices,
    Mean,
    NoSuchWeek,
    Scores,
    first_test_day,
    mean_of,
    week_measured,
    week_rows,
)
from apps.fraud.scorers.handbook_choice import CANDIDATES, Choice, choice_made
from apps.fraud.scorers.handbook_fit import Settings, fitter, ordinary_frauds, used_of
from apps.fraud.scorers.training.rows import DAY, Rows
from kivendtout.lib.clock import event_time

START = date(2018, 6, 27)
BEGIN = event_time(datetime(2018, 6, 27, tzinfo=UTC))
Payment = tuple[float, int, bool]
"""Days after the training begins, who pays, and is it a fraud?"""


def rows_of(*payments: Payment) -> Rows:
    days, customers, frauds = zip(*sorted(payments), strict=True)
    at = np.array([BEGIN + round(day * DAY) for day in days])
    fraud = np.array(frauds)
    return Rows(
        columns=(Column("amount_eur", "number"), Column("merchant_frauds_7d", "integer")),
        matrix=np.column_stack([fraud * 100.0, np.arange(len(at)) % 3]).astype(np.float32),
        at=at, fraud=fraud, known_at=at + 7 * DAY, customers=np.array(customers), amounts=np.zeros(len(at)),
        facts={}, order=np.arange(len(at)),
    )  # fmt: skip


def left(rows: Rows) -> list[tuple[float, int]]:
    """Day and customer of what is tested."""
    _learn, test = week_rows(rows, START)
    return [((int(rows.at[n]) - BEGIN) / DAY, int(rows.customers[n])) for n in test]


def test_a_week_teaches_a_week_waits_and_a_week_is_tested() -> None:
    days = (-0.001, 0, 6.999, 7, 13.999, 14, 20.999, 21)
    rows = rows_of(*((day, customer, False) for customer, day in enumerate(days)))
    learn, test = week_rows(rows, START)
    assert learn.tolist() == [1, 2] and test.tolist() == [5, 6]


def test_whoever_was_defrauded_in_the_week_of_training_is_not_tested() -> None:
    rows = rows_of((3, 1, True), (14, 1, False), (14, 2, False), (20, 1, True))
    assert left(rows) == [(14, 2)]


def test_a_fraud_of_the_week_of_waiting_leaves_its_customer_out_from_when_it_is_known() -> None:
    rows = rows_of((9.5, 1, True), *((day, 1, False) for day in (14, 16.5, 17, 20)))
    # It becomes known in the course of day 16, and counts from the morning after.
    assert [day for day, _customer in left(rows)] == [14, 16.5]


def test_a_fraud_of_before_the_training_leaves_nobody_out() -> None:
    assert left(rows_of((-1, 1, True), (14, 1, False))) == [(14, 1)]


def test_frauds_of_the_test_itself_leave_nobody_out_but_count_once_found() -> None:
    # The same customer is defrauded on three days of the test: found on the first, blocked on the others.
    rows = rows_of((1, 9, True), (2, 8, False), (14, 1, True), (15, 1, True), (16, 1, True), (15, 2, False))

    def fit(_learn: Indices, test: Indices) -> Scores:
        return rows.matrix[test, 0]

    week = week_measured(rows, START, fit)
    assert (week.learned, week.tested, week.frauds) == (2, 4, 3)
    assert (week.auc, week.average_precision) == (1.0, 1.0)
    assert week.card_precision_100 == pytest.approx((1 / 100 + 0 + 0) / 3)


def test_the_scorer_is_given_places_and_no_labels_of_the_test() -> None:
    rows = rows_of(*_shop())
    seen: dict[str, list[int]] = {}

    def fit(learn: Indices, test: Indices) -> Scores:
        seen["learn"], seen["test"] = learn.tolist(), test.tolist()
        return np.zeros(len(test), dtype=np.float32)

    assert week_measured(rows, START, fit).auc == 0.5
    assert max(int(rows.at[n]) for n in seen["learn"]) < BEGIN + 7 * DAY
    assert not set(seen["learn"]) & set(seen["test"])


def test_a_file_without_the_weeks_says_which_and_what_to_do() -> None:
    with pytest.raises(NoSuchWeek, match=r"from 2018-06-27: its week of testing.*Take the handbook's whole file"):
        week_measured(rows_of((1, 1, True), (2, 2, False)), START, lambda _learn, test: np.zeros(len(test)))


def test_what_is_chosen_on_ends_before_the_first_test_begins() -> None:
    last_day_of_choice = max(map(first_test_day, CHOICE)) + timedelta(days=6)
    assert last_day_of_choice < min(map(first_test_day, WEEKS)) == date(2018, 7, 11)


def test_the_bar_is_reached_figure_by_figure() -> None:
    assert all(Mean(**FLOORS).reached().values())
    below = Mean(**{**FLOORS, "auc": 0.8849})
    assert below.reached() == {"auc": False, "average_precision": True, "card_precision_100": True}


def test_the_mean_is_of_weeks_and_not_of_payments() -> None:
    rows = rows_of(*_shop())
    week = week_measured(rows, START, fitter(rows, Settings(rounds=5)))
    other = type(week)(**{name: getattr(week, name) for name in week.__struct_fields__} | {"auc": 0.5, "tested": 1})
    assert mean_of([week, other]).auc == pytest.approx((week.auc + 0.5) / 2)


def test_the_same_week_gives_the_same_figures_in_any_number_of_threads() -> None:
    rows = rows_of(*_shop())
    assert week_measured(rows, START, fitter(rows, Settings(rounds=8), threads=1)) == week_measured(
        rows, START, fitter(rows, Settings(rounds=8), threads=2)
    )


def test_the_best_on_the_weeks_of_choice_is_kept_and_what_ships_where_nothing_is_better() -> None:
    rows = rows_of(*_shop())
    blind, keen = (Settings(rounds=5, parameters={"min_child_weight": weight}) for weight in (1e6, 0.1))
    names = [one.name for one in choice_made(rows, candidates=[("blind", blind), ("keen", keen)], weeks=[START])]
    assert names == ["keen", "blind"]
    tied = choice_made(rows, candidates=[("first", keen), ("second", keen)], weeks=[START])
    assert [one.name for one in tied] == ["first", "second"]


def test_no_figure_of_the_bar_is_sold_for_another() -> None:
    def worth(**figures: float) -> tuple[bool, float]:
        return Choice(name="", settings=Settings(), mean=Mean(**{**FLOORS, **figures})).worth

    assert worth(auc=0.9) > worth(auc=0.89) > worth(auc=0.95, average_precision=0.69)
    assert worth(auc=0.89) > worth(auc=0.95, card_precision_100=0.27)


def test_a_fraud_that_looks_like_any_payment_is_not_learned_from() -> None:
    # On each of four days ten genuine payments, a fraud that outdoes them all, and one that lies in their midst.
    day = [(0.1 + n / 100, n, False) for n in range(10)] + [(0.5, 10, True), (0.6, 11, True)]
    rows = rows_of(*((at + days, who, fraud) for days in range(4) for at, who, fraud in day))
    learn = np.arange(len(rows.at))
    looks = np.tile([*range(10), 99, 5], 4).astype(np.float32)
    judged: list[tuple[set[int], set[int]]] = []

    def fit(taught: Indices, asked: Indices) -> Scores:
        judged.append((set(taught.tolist()), set(asked.tolist())))
        return looks[asked]

    found = np.flatnonzero(ordinary_frauds(rows, learn, fit, 0.9))
    assert found.tolist() == [11, 23, 35, 47]
    assert all(not taught & asked for taught, asked in judged)
    assert set.union(*(asked for _taught, asked in judged)) == set(learn.tolist())


def test_frauds_are_all_learned_from_where_none_would_be_left() -> None:
    rows = rows_of(*((day + n / 100, n, n == 0) for day in range(4) for n in range(10)))
    learn = np.arange(len(rows.at))
    assert not ordinary_frauds(rows, learn, lambda _taught, asked: -rows.fraud[asked].astype(np.float32), 0.9).any()


def test_frauds_of_one_day_alone_are_all_learned_from() -> None:
    rows = rows_of((0, 1, False), (0.1, 2, True), (1, 3, False))
    assert not ordinary_frauds(rows, np.arange(3), lambda _taught, asked: np.zeros(len(asked)), 0.9).any()


def test_a_scorer_reads_the_features_that_are_named_or_all() -> None:
    rows = rows_of(*_shop())
    assert used_of(rows, Settings(features=("merchant_frauds_7d", "hour"))) == ("merchant_frauds_7d",)
    assert used_of(rows, Settings(features=())) == ("amount_eur", "merchant_frauds_7d")


def test_what_ships_is_the_first_candidate_and_no_two_are_alike() -> None:
    assert CANDIDATES[0][1] == Settings()
    settings = [repr(one) for _name, one in CANDIDATES]
    assert len(set(settings)) == len(settings)


def _shop() -> list[Payment]:
    """Five weeks, sixty payments a day of two hundred customers, some of them frauds."""
    return [(day + n / 100, (day * 7 + n * 13) % 200, (day * 60 + n) % 23 == 0) for day in range(21) for n in range(60)]
