"""What is told of a scorer: figures that agree with each other, and pictures of them."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from apps.fraud.scorers.measures import auc_roc, average_precision
from apps.fraud.scorers.trained import Trained
from apps.fraud.scorers.training import curves
from apps.fraud.scorers.training.pictures import DRAWN, LANGUAGES, pictures
from apps.fraud.scorers.training.segments import _groups

DRAW = np.random.default_rng(5)
TRUTH = DRAW.random(4000) < 0.04
SCORES = np.clip(DRAW.normal(np.where(TRUTH, 0.5, 0.2), 0.15), 0, 1).round(2)


@pytest.fixture(scope="module")
def report(trained: Trained) -> dict[str, Any]:
    told: dict[str, Any] = dict(trained.report)
    return told


def test_it_is_json_without_anything_that_json_has_not(report: dict[str, Any]) -> None:
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_the_measures_are_plain_figures_by_name(report: dict[str, Any]) -> None:
    assert {
        "auc", "average_precision", "recall_at_1", "recall_at_2", "recall_at_5", "card_precision_100", "brier",
    } <= set(report["measures"])  # fmt: skip
    low, high = report["intervals"]["auc"]
    assert low < report["measures"]["auc"] < high


def test_the_confusion_counts_every_payment_of_the_test_period(report: dict[str, Any]) -> None:
    cells = report["decided"]["confusion"]
    assert list(cells) == ["allow", "challenge", "deny"]
    assert sum(one["frauds"] + one["good"] for one in cells.values()) == report["payments"]
    assert sum(one["frauds"] for one in cells.values()) == report["frauds"]
    touched = report["frauds"] - cells["allow"]["frauds"]
    assert report["decided"]["recall"] == pytest.approx(touched / report["frauds"], abs=1e-6)
    assert report["decided"]["cost_eur"] < report["decided"]["cost_of_nothing_eur"]


def test_segments_count_every_payment_once_and_small_ones_together(report: dict[str, Any]) -> None:
    assert set(report["segments"]) == {"payment_country", "device_kind", "customer"}
    for parts in report["segments"].values():
        assert sum(one["payments"] for one in parts) == report["payments"]
        assert sum(one["frauds"] for one in parts) == report["frauds"]
    assert [one["name"] for one in report["segments"]["payment_country"]] == ["FR", "*"]


def test_missing_and_rare_values_are_segments_together() -> None:
    values = np.array(["FR"] * 600 + ["BE"] * 300 + ["?"] * 20, dtype=object)
    truth = np.zeros(920, dtype=bool)
    truth[:10] = True
    assert [(name, int(here.sum())) for name, here in _groups(values, truth)] == [("FR", 600), ("*", 320)]


def test_the_money_curve_rises_to_all_of_it(report: dict[str, Any]) -> None:
    euros = [one["euros"] for one in report["money"]]
    assert euros == sorted(euros)
    assert euros[-1] == pytest.approx(1.0)


def test_importances_name_the_planted_signal_first(report: dict[str, Any]) -> None:
    first = [one["name"] for one in report["importances"][:5]]
    assert {"amount_ratio", "new_device"} <= set(first)
    assert sum(one["gain"] for one in report["importances"]) == pytest.approx(1.0, abs=1e-3)


def test_a_plain_regression_is_measured_on_the_same_payments(report: dict[str, Any]) -> None:
    plain = report["against"]["logistic_regression"]
    assert 0.7 < plain["auc"] < 1
    assert set(plain) == set(report["measures"])


def test_what_was_tried_on_the_way_is_told_with_what_was_kept(report: dict[str, Any]) -> None:
    chosen = report["chosen"]
    for name in ("trials", "imbalance", "trends", "calibration", "weights"):
        assert sum(one["kept"] for one in chosen[name]) == 1, name
    assert chosen["costs"]["chargeback_fee"] == 25.0
    assert chosen["beside"] is None


def test_thresholds_by_fpr_hold_about_as_they_were_asked(report: dict[str, Any]) -> None:
    assert [one["asked"] for one in report["by_fpr"]] == [0.01, 0.02, 0.05]
    recalls = [one["recall"] for one in report["by_fpr"]]
    assert recalls == sorted(recalls)


# --- curves -----------------------------------------------------------------------------------------------------------
def test_reliability_counts_everybody_and_is_nothing_for_what_comes_as_said() -> None:
    said = np.repeat([0.05, 0.5], 1000)
    came = np.concatenate([np.arange(1000) < 50, np.arange(1000) < 500])
    told = curves.reliability(came, said)
    assert sum(one["payments"] for one in told["bins"]) == 2000
    assert told["error"] == 0
    assert curves.reliability(came, said + 0.1)["error"] == pytest.approx(0.1)


def test_intervals_hold_the_measures() -> None:
    found = curves.intervals(TRUTH, SCORES, seed=1)
    assert found == curves.intervals(TRUTH, SCORES, seed=1)
    for name, measure in (("auc", auc_roc), ("average_precision", average_precision)):
        low, high = found[name]
        assert low < (measure(TRUTH, SCORES) or 0) < high
        assert high - low < 0.2


def test_one_kind_alone_has_no_interval() -> None:
    assert curves.intervals(np.zeros(10, bool), np.arange(10.0), seed=1) == {}


def test_a_threshold_chosen_on_some_payments_is_judged_on_others() -> None:
    half = np.arange(4000) < 2000
    told = curves.by_fpr((TRUTH[half], SCORES[half]), (TRUTH[~half], SCORES[~half]))
    for one in told:
        stopped = SCORES[~half] >= float(one["threshold"] or 0)
        assert one["fpr"] == pytest.approx(stopped[~TRUTH[~half]].mean(), abs=1e-6)
        assert one["recall"] == pytest.approx(stopped[TRUTH[~half]].mean(), abs=1e-6)


# --- pictures ---------------------------------------------------------------------------------------------------------
def test_there_is_a_picture_of_each_kind_in_each_language(trained: Trained) -> None:
    assert set(trained.pictures) == {(name, language) for name in DRAWN for language in LANGUAGES}


def test_pictures_pass_the_strictest_content_policy(trained: Trained) -> None:
    for svg in trained.pictures.values():
        root = ElementTree.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        tags = {one.tag.rsplit("}", 1)[-1] for one in root.iter()}
        assert not tags & {"script", "style", "image", "foreignObject", "metadata"}
        assert not any(
            "style" in one.attrib or any(name.startswith("on") for name in one.attrib) for one in root.iter()
        )
        assert not re.search(r'(?:href|src)="(?!#)', svg)
        assert len(svg) < 40_000


def test_pictures_say_what_they_show_as_text(trained: Trained) -> None:
    for (name, _language), svg in trained.pictures.items():
        root = ElementTree.fromstring(svg)
        title = root.find("{http://www.w3.org/2000/svg}title")
        assert title is not None and title.text
        assert root.get("role") == "img"
        assert [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")], name


def test_the_same_report_is_drawn_the_same(trained: Trained) -> None:
    assert pictures(trained.report) == trained.pictures
