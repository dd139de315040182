"""How far apart two countries are, between their middles."""

from __future__ import annotations

from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from typing import Final

from apps.fraud.engine.country_positions import POSITIONS

__all__ = ["EARTH_RADIUS_KM", "POSITIONS", "distance_km"]

EARTH_RADIUS_KM: Final = 6371.0088  # the mean radius of the WGS 84 ellipsoid


@lru_cache(maxsize=8192)  # 62,500 pairs exist, a shop meets a few hundred; bounded, whatever codes come in
def distance_km(a: str | None, b: str | None) -> float | None:
    """Great-circle distance in whole kilometres; 0.0 within a country, None where a country is not told or unknown."""
    here, there = POSITIONS.get(a or ""), POSITIONS.get(b or "")
    if here is None or there is None:
        return None
    if a == b:
        return 0.0
    return float(round(_haversine(*here, *there)))


def _haversine(latitude_a: float, longitude_a: float, latitude_b: float, longitude_b: float) -> float:
    north, east = radians(latitude_b - latitude_a), radians(longitude_b - longitude_a)
    # The product of the cosines first: the same in both directions, to the last bit.
    shrink = cos(radians(latitude_a)) * cos(radians(latitude_b))
    h = sin(north / 2) ** 2 + shrink * sin(east / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, h)))  # rounding may push h past 1 at the antipodes
