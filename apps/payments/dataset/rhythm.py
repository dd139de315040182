"""When people shop: the year, the week and the hour, each in the customer's own time zone."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from apps.payments.dataset.arrays import DAY, F64, I64
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.reference import COUNTRIES

_WEEKDAY: Final = (1.0, 0.96, 0.98, 0.98, 0.95, 1.05, 1.22)  # Sunday evening is the busiest

# Relative traffic by local hour, from midnight. Most shop at lunch and after dinner.
_REGULAR: Final = (10, 4, 1.6, 1, 1, 1.5, 5, 14, 24, 32, 38, 40, 46, 42, 36, 35, 38, 44, 52, 60, 70, 74, 55, 28)
_EARLY: Final = (2, 1, 1, 1, 4, 20, 45, 55, 50, 46, 42, 40, 42, 36, 32, 32, 34, 36, 34, 28, 20, 12, 6, 3)
_NIGHT_OWL: Final = (60, 52, 44, 34, 20, 9, 3, 2, 2, 4, 8, 12, 18, 20, 20, 20, 22, 24, 28, 34, 42, 52, 60, 64)
_FRAUD: Final = (34, 30, 26, 22, 18, 14, 14, 18, 24, 30, 34, 36, 38, 38, 38, 38, 38, 38, 40, 42, 44, 44, 42, 38)
PROFILES: Final = np.array([_REGULAR, _EARLY, _NIGHT_OWL, _FRAUD], dtype=float)
REGULAR, EARLY, NIGHT_OWL, FRAUD = range(4)


def black_friday(year: int) -> date:
    first = date(year, 11, 1)
    thursday = first + timedelta(days=(3 - first.weekday()) % 7)
    return thursday + timedelta(days=22)  # the day after the fourth Thursday


def winter_sales(year: int) -> date:
    """The second Wednesday of January, when French sales begin."""
    first = date(year, 1, 1)
    return first + timedelta(days=(2 - first.weekday()) % 7 + 7)


def season(day: date) -> float:
    friday = black_friday(day.year)
    if timedelta(0) <= day - friday <= timedelta(days=3):
        return (2.6, 1.8, 1.6, 2.1)[(day - friday).days]  # Friday to Cyber Monday
    if timedelta(days=-5) <= day - friday < timedelta(0):
        return 1.25
    if day.month == 12:
        if day.day <= 20:
            return 1.15 + 0.02 * day.day
        return {24: 0.7, 25: 0.45, 31: 0.6}.get(day.day, 0.95)
    since_sales = (day - winter_sales(day.year)).days
    if 0 <= since_sales < 28:
        return 1.5 - 0.02 * since_sales
    return 0.55 if (day.month, day.day) == (1, 1) else 0.92


def campaign_of(day: date) -> int:
    """Index into CAMPAIGNS of the campaign running that day."""
    if abs((day - black_friday(day.year)).days + 1) <= 6:
        return 3
    if day.month == 12 and day.day <= 25:
        return 4
    if day.month == 1 and (day - winter_sales(day.year)).days >= 0:
        return 5
    return 2 if day.month in (9, 10, 11) else 0


@dataclass(frozen=True)
class Calendar:
    cumulative: F64  # share of the traffic before each day, one entry more than days
    offsets: I64  # seconds east of UTC: country by day
    campaign: I64
    december: F64  # how gift-minded each day is

    def days(self, quantile: F64) -> I64:
        found = np.searchsorted(self.cumulative, quantile, side="right") - 1
        return np.clip(found, 0, len(self.campaign) - 1).astype(np.int64)


@cache
def calendar(options: DatasetOptions) -> Calendar:
    days = [options.day(i) for i in range(options.days)]
    weights = np.array([season(day) * _WEEKDAY[day.weekday()] for day in days])
    return Calendar(
        cumulative=np.r_[0.0, np.cumsum(weights) / weights.sum()],
        offsets=np.array([[_offset(country.zone, day) for day in days] for country in COUNTRIES], dtype=np.int64),
        campaign=np.array([campaign_of(day) for day in days], dtype=np.int64),
        december=np.array([0.06 if day.month == 12 and day.day < 24 else 0.022 for day in days]),
    )


def _offset(zone: str, day: date) -> int:
    delta = datetime.combine(day, time(12), ZoneInfo(zone)).utcoffset()
    return int(delta.total_seconds()) if delta else 0


_PROFILE_STEPS: Final = np.cumsum(PROFILES / PROFILES.sum(axis=1, keepdims=True), axis=1)
_PROFILE_KEY: Final = (_PROFILE_STEPS + np.arange(len(PROFILES))[:, None]).ravel()


def local_seconds(profile: I64, quantile: F64, minute: F64) -> I64:
    """Second of the local day, by each person's own profile."""
    hour: I64 = np.searchsorted(_PROFILE_KEY, profile + np.clip(quantile, 0, 0.999_999_9), side="right") - profile * 24
    second: I64 = np.clip(hour, 0, 23) * 3_600 + np.minimum(minute * 3_600, 3_599).astype(np.int64)
    return second


def to_utc(options: DatasetOptions, day: I64, local: I64, country: I64) -> I64:
    """UTC seconds of a local moment, wrapped by a day where the zone pushes it out of the range."""
    moment = options.start_s + day * DAY + local - calendar(options).offsets[country, day]
    moment = np.where(moment < options.start_s, moment + DAY, moment)
    return np.where(moment > options.end_s, moment - DAY, moment)
