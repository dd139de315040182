from __future__ import annotations

import re
from importlib.resources import files
from itertools import product
from math import pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.fraud.engine import geography
from apps.fraud.engine.geography import EARTH_RADIUS_KM, POSITIONS, distance_km

COUNTRY = st.sampled_from(sorted(POSITIONS))
HALF_WAY_ROUND = pi * EARTH_RADIUS_KM


def _rows_of_the_time_zone_data(name: str) -> list[list[str]]:
    lines = (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def _degrees(iso_6709: str) -> float:
    sign, digits = (-1 if iso_6709[0] == "-" else 1), iso_6709[1:]
    whole = 2 if len(digits) in (4, 6) else 3
    return sign * (int(digits[:whole]) + int(digits[whole : whole + 2]) / 60)


def test_every_iso_country_and_kosovo_have_a_position() -> None:
    iso = {row[0] for row in _rows_of_the_time_zone_data("iso3166.tab")}
    assert len(iso) == 249
    assert set(POSITIONS) == iso | {"XK"}


def test_every_position_is_on_the_globe_and_written_to_a_tenth() -> None:
    for code, (latitude, longitude) in POSITIONS.items():
        assert -90 <= latitude <= 90 and -180 <= longitude <= 180, code
        assert (round(latitude, 1), round(longitude, 1)) == (latitude, longitude), code


def test_every_country_lies_near_a_town_that_its_time_zones_name() -> None:
    near: dict[str, float] = {}
    for code, place, *_ in _rows_of_the_time_zone_data("zone.tab"):
        latitude, longitude = (_degrees(part) for part in re.findall(r"[+-]\d+", place))
        away = geography._haversine(*POSITIONS[code], latitude, longitude)
        near[code] = min(away, near.get(code, HALF_WAY_ROUND))
    large = {"AQ", "AU", "CD", "CN", "DZ", "IN", "LY", "MZ", "NE"}  # much land, few zones
    assert {code for code, away in near.items() if away > (1700 if code in large else 720)} == set()


@pytest.mark.parametrize(
    ("a", "b", "kilometres"),
    [
        ("FR", "DE", 760),
        ("FR", "BE", 480),
        ("FR", "GB", 920),
        ("FR", "US", 7650),
        ("FR", "JP", 9800),
        ("ES", "PT", 380),
        ("FR", "MA", 1780),
        ("AU", "NZ", 4000),
    ],
)
def test_known_pairs_are_as_far_apart_as_a_map_says(a: str, b: str, kilometres: int) -> None:
    assert distance_km(a, b) == pytest.approx(kilometres, rel=0.05)


def test_paris_to_berlin_is_878_kilometres() -> None:
    assert geography._haversine(48.8566, 2.3522, 52.52, 13.405) == pytest.approx(877.5, abs=1)


def test_antipodes_are_half_way_round_the_globe() -> None:
    assert geography._haversine(0.0, 0.0, 0.0, 180.0) == pytest.approx(HALF_WAY_ROUND)
    assert geography._haversine(90.0, 0.0, -90.0, 0.0) == pytest.approx(HALF_WAY_ROUND)


@given(st.integers(-900, 900), st.integers(-1800, 0))
def test_no_antipodes_fall_out_of_the_formula(latitude: int, longitude: int) -> None:
    here, there = (latitude / 10, longitude / 10), (-latitude / 10, longitude / 10 + 180)
    assert geography._haversine(*here, *there) == pytest.approx(HALF_WAY_ROUND, abs=1)


@given(COUNTRY, COUNTRY)
def test_there_is_as_far_as_back(a: str, b: str) -> None:
    assert distance_km(a, b) == distance_km(b, a)


def test_every_distance_is_whole_kilometres_and_at_most_half_way_round() -> None:
    for a, b in product(POSITIONS, repeat=2):
        kilometres = distance_km.__wrapped__(a, b)
        assert isinstance(kilometres, float) and kilometres.is_integer()
        assert 0 <= kilometres <= round(HALF_WAY_ROUND)


def test_the_date_line_does_not_send_anybody_round_the_globe() -> None:
    fiji_to_samoa = distance_km("FJ", "WS")
    assert fiji_to_samoa is not None and fiji_to_samoa < 1_500


@given(COUNTRY)
def test_a_country_is_no_distance_from_itself(code: str) -> None:
    assert distance_km(code, code) == 0.0


@pytest.mark.parametrize("other", [None, "", "ZZ", "fr", "FRA"])
def test_an_unknown_country_is_at_no_known_distance(other: str | None) -> None:
    assert distance_km("FR", other) is None
    assert distance_km(other, "FR") is None
    assert distance_km(other, other) is None
