"""Which payments teach, which choose and which judge."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.scorers.training.plan import Plan
from apps.fraud.scorers.training.reading import MatrixFile
from apps.fraud.scorers.training.refusals import PlanRefused, TooLittle, TooShort
from apps.fraud.scorers.training.rows import DAY, NEVER, Rows
from apps.fraud.scorers.training.split import Split, measured_delay, split_of, truth_of
from tests.scorers.training.planted import START, planted, planted_file

PLAN = Plan(label_delay_days=4)


@pytest.fixture(scope="module")
def rows(many_frauds: Path) -> Rows:
    return MatrixFile(many_frauds, CATALOGUE).times()


@pytest.fixture(scope="module")
def split(rows: Rows) -> Split:
    return split_of(rows, PLAN, int(rows.at[-1]) + 10 * DAY)


def test_parts_follow_each_other_with_room_for_labels_between(split: Split, rows: Rows) -> None:
    train, validation, test = split.train, split.validation, split.test
    assert train.ends + 4 * DAY == validation.begins
    assert validation.ends + 4 * DAY == test.begins
    for part in (train, validation, test):
        assert (rows.at[part.rows] >= part.begins).all()
        assert (rows.at[part.rows] < part.ends).all()
    assert test.stop == len(rows)


def test_parts_begin_at_midnight(split: Split) -> None:
    assert not split.validation.begins % DAY
    assert not split.test.begins % DAY


def test_what_teaches_and_chooses_is_as_known_when_the_test_begins(split: Split) -> None:
    parts = [split.train, split.validation, *(part for fold in split.folds for part in fold)]
    assert {part.on for part in parts} == {split.test.begins}
    assert split.test.on == split.known_on


def test_folds_lie_inside_the_training_period_each_after_what_it_learns_from(split: Split) -> None:
    assert len(split.folds) == 2
    for learned, tried in split.folds:
        assert split.train.begins <= learned.begins < learned.ends <= tried.begins - 4 * DAY
        assert tried.ends <= split.train.ends


def test_payments_too_fresh_to_have_labels_are_in_no_part(rows: Rows) -> None:
    last = int(rows.at[-1])
    split = split_of(rows, PLAN, last - 2 * DAY)
    assert split.test.ends <= last - 6 * DAY + 1
    assert not truth_of(rows, split.test)[rows.known_at[split.test.rows] > last - 2 * DAY].any()


def test_the_delay_is_measured_where_nobody_says_it(rows: Rows) -> None:
    waited = (rows.known_at - rows.at)[rows.known_at < NEVER]
    delay = measured_delay(rows)
    assert not delay % DAY
    assert 0.75 < (waited <= delay).mean() < 0.95
    unhurried = msgspec.structs.replace(PLAN, label_delay_days=None)
    assert split_of(rows, unhurried, int(rows.at[-1]) + 10 * DAY).delay == delay


def test_too_few_frauds_are_refused_with_how_many_are_needed(tmp_path: Path) -> None:
    rows = MatrixFile(planted_file(tmp_path, planted(5000, rate=0.004)), CATALOGUE).times()
    with pytest.raises(
        TooLittle, match=r"training period, 2025-09-01 to .* payments and \d+ known frauds. It needs at"
    ):
        split_of(rows, PLAN, int(rows.at[-1]) + 10 * DAY)


def test_too_few_payments_are_refused(tmp_path: Path) -> None:
    rows = MatrixFile(planted_file(tmp_path, planted(900, rate=0.3)), CATALOGUE).times()
    with pytest.raises(TooLittle, match="at least 1000 and 50"):
        split_of(rows, PLAN, int(rows.at[-1]) + 10 * DAY)


def test_a_period_without_room_for_the_gaps_is_refused(rows: Rows) -> None:
    with pytest.raises(TooShort, match="with 30 days between"):
        split_of(rows, msgspec.structs.replace(PLAN, label_delay_days=30), int(rows.at[-1]) + 40 * DAY)


def test_labels_known_before_any_payment_leave_nothing_to_split(rows: Rows) -> None:
    with pytest.raises(TooShort):
        split_of(rows, PLAN, START)


def test_labels_that_take_no_time_leave_no_gap(rows: Rows) -> None:
    split = split_of(rows, msgspec.structs.replace(PLAN, label_delay_days=0), int(rows.at[-1]) + 10 * DAY)
    assert (split.train.ends, split.validation.ends) == (split.validation.begins, split.test.begins)
    assert sum(part.stop - part.start for part in (split.train, split.validation, split.test)) == len(rows)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("label_delay_days", [float("nan"), float("inf"), 1e300, -3.0]),
        ("seed", [-1, 10**30]),
        ("most_touched", [float("nan"), -0.1, 1.5]),
        ("trials", [0, -2]),
        ("budget_minutes", [float("nan"), float("inf"), -1.0]),
        ("threads", [0]),
        ("test_share", [float("nan"), 1.2]),
        ("validation_share", [0.9]),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_in_a_sentence(name: str, values: list[float]) -> None:
    for value in values:
        with pytest.raises(PlanRefused, match=r"cannot be planned so: the .* is .*, and must be between .* and .*\."):
            msgspec.structs.replace(Plan(), **{name: value})


def test_a_fold_has_as_many_frauds_as_a_training_needs(split: Split, rows: Rows, tmp_path: Path) -> None:
    assert all(
        truth_of(rows, learned).sum() >= 50 and truth_of(rows, tried).sum() >= 20 for learned, tried in split.folds
    )
    fewer = MatrixFile(planted_file(tmp_path, planted(rate=0.03)), CATALOGUE).times()
    assert split_of(fewer, PLAN, int(fewer.at[-1]) + 10 * DAY).folds == ()
