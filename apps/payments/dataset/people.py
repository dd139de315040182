"""The customers of one block: who they are, what they own, how much they buy."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from apps.payments.dataset.arrays import DAY, F64, I64, Bool, pick, stream
from apps.payments.dataset.catalogue import CATEGORIES
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.reference import ANDROID, COUNTRIES, DEVICE_WEIGHTS, IOS, WEB_DESKTOP

HOUSEHOLD_SHARE: Final = 0.3  # who lives with the customer before, at most three to a household
NEW_SHARE: Final = 0.28  # who signs up during the period; the others are older customers
MINOR_SHARE: Final = 0.03
FOREIGN_BANK_SHARE: Final = 0.07  # expatriates, and customers of banks that live in an app
SESSIONS_PER_DAY: Final = 0.085  # mean over all customers; the spread below makes a few very active
ACTIVITY_SPREAD: Final = 1.5
USUAL_BASKET: Final = 47.0
BROWSER_SHARE: Final = 0.5
NEVER: Final = np.int64(2**60)
STREAM: Final = 10


@dataclass(frozen=True)
class People:
    number: I64
    country: I64
    signup: I64
    device: I64
    birth_day: I64  # days since 1970
    minor: Bool
    head: I64  # index of the household's first member
    home: Bool  # shares a household computer
    profile: I64
    rate: F64  # sessions a day
    conversion: F64
    usual: F64  # euros of an ordinary basket
    taste: I64  # favourite category
    method: I64
    two_cards: Bool
    new_phone_at: I64
    trip_from: I64
    trip_to: I64
    trip_country: I64
    work_country: I64
    bank_country: I64

    def __len__(self) -> int:
        return len(self.number)


def make_people(options: DatasetOptions, block: int) -> People:
    rng = stream(options.seed, STREAM, block)
    first, n = options.block_range(block)
    joins = rng.random(n) < HOUSEHOLD_SHARE
    joins[0] = False
    run = np.arange(n) - np.maximum.accumulate(np.where(joins, 0, np.arange(n)))
    head = np.arange(n) - run % 3
    shared = np.zeros(n, dtype=bool)
    shared[head[head != np.arange(n)]] = True
    country = pick(rng, np.array([c.weight for c in COUNTRIES]), n)[head]
    device = pick(rng, np.array(DEVICE_WEIGHTS), n)
    birth_day, minor = _births(options, rng.random((4, n)))
    signup = _signups(options, rng.random((3, n)))
    rate = SESSIONS_PER_DAY * np.exp(rng.normal(0, 1, n) * ACTIVITY_SPREAD - ACTIVITY_SPREAD**2 / 2)
    trip_start = options.start_s + rng.integers(0, options.days * DAY, n)
    travels = rng.random(n) < 0.12
    return People(
        number=np.arange(first, first + n),
        country=country,
        signup=signup,
        device=device,
        birth_day=birth_day,
        minor=minor,
        head=head,
        home=shared | (head != np.arange(n)),
        profile=pick(rng, np.array([0.80, 0.13, 0.07]), n),
        rate=np.minimum(rate, 2.0),
        conversion=_conversions(rate, rng.random(n), rng.normal(0, 0.05, n)),
        usual=USUAL_BASKET * np.exp(rng.normal(0, 0.38, n)),
        taste=_tastes(rng.random(n), minor),
        method=_methods(device, rng.random((2, n))),
        two_cards=rng.random(n) < 0.3,
        new_phone_at=np.where(rng.random(n) < 0.16, options.start_s + rng.integers(0, options.days * DAY, n), NEVER),
        trip_from=np.where(travels, trip_start, NEVER),
        trip_to=np.where(travels, trip_start + rng.integers(3 * DAY, 13 * DAY, n), NEVER),
        trip_country=rng.integers(0, len(COUNTRIES) + 2, n),
        work_country=np.where(rng.random(n) < 0.03, rng.integers(0, len(COUNTRIES), n), country),
        bank_country=np.where(rng.random(n) < FOREIGN_BANK_SHARE, rng.integers(0, len(COUNTRIES), n), country),
    )


def _births(options: DatasetOptions, u: F64) -> tuple[I64, Bool]:
    """Birth days, and who is a minor; nobody turns 18 during the period, so any day of it agrees."""
    start = np.datetime64(options.start, "D").astype(np.int64)
    end = np.datetime64(options.end, "D").astype(np.int64)
    minor = u[0] < MINOR_SHARE
    # 6,574 days is 18 years with the most leap days, 6,570 less than any 18 years.
    adult_age = 6_574 + 366 + (np.minimum(u[1], u[2]) * 0.6 + u[3] * 0.4) * 55 * 365
    minor_age = 6_570 - u[1] * 4.5 * 365
    born = np.where(minor, end - np.minimum(minor_age, 6_569), start - adult_age)
    return born.astype(np.int64), minor


def _signups(options: DatasetOptions, u: F64) -> I64:
    """New customers all through the period, older ones over the three years before."""
    room = max(options.days - 1, 1) * DAY - 7_200
    inside = options.start_s + (u[1] * room).astype(np.int64)
    before = options.start_s - DAY - (u[1] ** 1.4 * 3 * 365 * DAY).astype(np.int64)
    signup: I64 = np.where(u[0] < NEW_SHARE, inside, before)
    return signup


def _conversions(rate: F64, u: F64, noise: F64) -> F64:
    """Half the customers only look around; of the others, those who come often also buy often."""
    keen = np.clip(0.29 * np.log1p(rate * 16) + noise - 0.04, 0.02, 0.66)
    return np.where(u < BROWSER_SHARE, 0.015, keen)


def _tastes(u: F64, minor: Bool) -> I64:
    weights = np.cumsum([c.weight for c in CATEGORIES])
    taste = np.searchsorted(weights, u * weights[-1], side="right").astype(np.int64)
    restricted = np.array([c.adult for c in CATEGORIES])[taste]
    allowed: I64 = np.where(minor & restricted, 5, taste)  # books instead
    return allowed


def _methods(device: I64, u: F64) -> I64:
    wallet = np.where(device == IOS, 2, np.where((device == ANDROID) | (u[1] < 0.3), 3, 0))
    wallet = np.where(device == WEB_DESKTOP, 0, wallet)
    chosen: I64 = np.where(u[0] < 0.5, 0, np.where(u[0] < 0.7, 1, wallet)).astype(np.int64)
    return chosen
