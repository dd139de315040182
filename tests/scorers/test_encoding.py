"""A payment, a batch and a training file give the booster the same numbers, bit for bit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.engine.features.catalogue import CATALOGUE, FEATURES, INDEX, VERSION
from apps.fraud.engine.features.feature import Feature, Value
from apps.fraud.scorers.artefact import (
    Artefact,
    ArtefactRefused,
    Calibration,
    Column,
    Header,
    ScorerMismatch,
    artefact_read,
    differences,
    digest_of,
    require_match,
)
from apps.fraud.scorers.encoding import MOST_VALUES, NAMES, Encoder, columns_of, learnable, table_matrix
from apps.fraud.scorers.scorer import Scorer
from apps.fraud.services.feature_matrix import TYPES
from tests.scorers.small import small_rows, small_trained

TEXTS = ("", "fr", "FR", "Été", "other", "ios")
VALUES = {
    "number": st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=64)),
    "integer": st.one_of(st.none(), st.integers(-(2**53), 2**53)),
    "boolean": st.one_of(st.none(), st.booleans()),
    "text": st.one_of(st.none(), st.sampled_from(TEXTS), st.text(max_size=4)),
}
ROW = st.tuples(*(VALUES[feature.kind] for feature in FEATURES)).map(list)
COLUMNS = columns_of(learnable(FEATURES), {feature.name: TEXTS[:4] for feature in FEATURES if feature.kind == "text"})


@settings(max_examples=15, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=3))
def test_a_row_and_a_training_file_are_encoded_alike(rows: list[list[Value]]) -> None:
    table = pa.table(
        {feature.name: pa.array([row[n] for row in rows], TYPES[feature.kind]) for n, feature in enumerate(FEATURES)}
    )
    encoder = Encoder(COLUMNS, INDEX)
    with np.errstate(over="ignore"):  # a double beyond what a float holds becomes infinite both ways
        batch, filed = encoder.matrix(rows), table_matrix(table, COLUMNS)
        single = np.vstack([encoder.matrix([row]) for row in rows])
    np.testing.assert_array_equal(batch, filed)
    np.testing.assert_array_equal(batch, single)


def test_missing_unknown_and_known_texts_are_told_apart() -> None:
    columns = (Column("method", "text", 1, ("card", "paypal")),)
    encoder = Encoder(columns, {"method": 0})
    found = encoder.matrix([["card"], ["paypal"], ["cheque"], [None]])[:, 0]
    assert found[:3].tolist() == [0.0, 1.0, 2.0]
    assert np.isnan(found[3])


def test_names_of_single_things_are_not_learned_and_texts_stand_behind_numbers() -> None:
    kinds = [feature.kind == "text" for feature in learnable(FEATURES)]
    assert kinds == sorted(kinds)
    assert not NAMES & {feature.name for feature in learnable(FEATURES)}


def test_the_most_frequent_texts_are_kept() -> None:
    [column] = columns_of([CATALOGUE["method"]], {"method": [str(n) for n in range(MOST_VALUES + 10)]})
    assert len(column.values) == MOST_VALUES
    assert column.values[0] == "0"


# --- the artefact -----------------------------------------------------------------------------------------------------
def test_an_artefact_is_read_back_as_it_was_written() -> None:
    encoded = small_trained().artefact
    read = artefact_read(encoded, digest=digest_of(encoded))
    assert read.encoded() == encoded
    assert read.header.catalogue_version == VERSION


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "text", "pickle", "no booster"])
def test_a_damaged_artefact_is_refused(damage: str) -> None:
    whole = small_trained().artefact
    header = artefact_read(whole).header
    damaged = {
        "flip": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"<html>not found</html>",
        "pickle": b"\x80\x04\x95\x0f\x00\x00\x00\x00\x00\x00\x00\x8c\x08builtins\x94.",
        "no booster": Artefact(header, b"").encoded(),
    }[damage]
    with pytest.raises(ArtefactRefused):
        Scorer(damaged, digest=digest_of(whole) if damage == "flip" else None)


def test_a_booster_with_other_columns_than_its_header_is_refused() -> None:
    read = artefact_read(small_trained().artefact)
    fewer = Header(
        catalogue_version=VERSION, columns=read.header.columns[1:], calibration=Calibration("platt"), trees=1,
        trained_from="", trained_until="",
    )  # fmt: skip
    with pytest.raises(ArtefactRefused):
        Scorer(Artefact(fewer, read.booster).encoded())


def test_what_no_longer_matches_the_catalogue_is_named() -> None:
    header = artefact_read(small_trained().artefact).header
    changed = dict(CATALOGUE)
    del changed["hour"]
    was = changed["amount_eur"]
    changed["amount_eur"] = Feature(was.name, "integer", was.owner, was.fr, was.en, was.missing)
    was = changed["new_device"]
    changed["new_device"] = Feature(was.name, was.kind, was.owner, was.fr, was.en, was.missing, version=2)
    found = differences(header, changed)
    assert found == [
        "amount_eur was number and is integer",
        "hour is not in the catalogue",
        "new_device was version 1 and is 2",
    ]
    with pytest.raises(ScorerMismatch, match="hour is not in the catalogue"):
        require_match(header, changed)


# --- the scorer -------------------------------------------------------------------------------------------------------
def test_a_row_scores_the_same_alone_and_in_a_batch() -> None:
    scorer = Scorer(small_trained().artefact)
    rows, _truth = small_rows(50, seed=9)
    assert scorer.probabilities(rows) == [scorer.probabilities([row])[0] for row in rows]
    assert scorer.probabilities([]) == []


def test_contributions_add_up_to_the_margin_that_was_scored() -> None:
    scorer = Scorer(small_trained().artefact)
    rows, _truth = small_rows(20, seed=9)
    for told, probability in zip(scorer.contributions(rows), scorer.probabilities(rows), strict=True):
        assert told.base + sum(told.values) == pytest.approx(told.margin, abs=1e-4)
        assert told.probability == probability
        assert len(told.values) == len(scorer.names)
