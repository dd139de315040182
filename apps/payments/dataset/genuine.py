"""Honest visits and baskets, with the oddities of honest people: nights, gifts, failures, sprees."""

from typing import Final

import numpy as np

from apps.payments.dataset.arrays import DAY, F64, I64, Bool, Rng, pick, stream
from apps.payments.dataset.catalogue import CATEGORIES
from apps.payments.dataset.habits import own_card, usual
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.people import People
from apps.payments.dataset.plan import GENUINE, Baskets, Visits
from apps.payments.dataset.rhythm import calendar, local_seconds, to_utc

STREAM: Final = 20
FAILURE_RATE: Final = 0.075
ONE_CLICK_RATE: Final = 0.05  # saved card, favourite product: paid within half a minute
GIFT_FACTOR: Final = (3.0, 7.5)
_UTM_WEIGHTS: Final = np.array([0.27, 0.24, 0.16, 0.14, 0.12, 0.07])
_WEIGHTS: Final = np.array([c.weight for c in CATEGORIES])
_ADULT: Final = np.array([c.adult for c in CATEGORIES])
_BOOKS: Final = 5


def genuine_visits(options: DatasetOptions, people: People, block: int) -> Visits:
    rng = stream(options.seed, STREAM, block)
    person = _who(options, people, rng)
    n = len(person)
    start, day = _when(options, people, person, rng)
    place = usual(options, people, person, start, rng)
    buys = rng.random(n) < people.conversion[person]
    several = rng.random(n)
    baskets = np.where(several < 0.006, rng.integers(3, 5, n), np.where(several < 0.045, 2, 1)) * buys
    browse = np.exp(rng.normal(5.6, 0.8, n)).astype(np.int64)
    utm, campaign = campaigns(options, day, rng)
    return Visits(
        person=person,
        start=start,
        kind=place.kind,
        device=place.device,
        address=place.address,
        country=place.country,
        located=place.located,
        utm=utm,
        campaign=campaign,
        pattern=np.full(n, GENUINE),
        browse=np.clip(browse, 25, 5_400),
        baskets=baskets,
    )


def _who(options: DatasetOptions, people: People, rng: Rng) -> I64:
    present = np.clip((options.end_s - np.maximum(people.signup, options.start_s)) / DAY, 0, None)
    count = rng.poisson(people.rate * present)
    # Nobody opens an account without looking at the shop that day.
    count += (people.signup >= options.start_s) & (rng.random(len(people)) < 0.8)
    return np.repeat(np.arange(len(people)), count)


def _when(options: DatasetOptions, people: People, person: I64, rng: Rng) -> tuple[I64, I64]:
    n, days = len(person), calendar(options)
    signup = people.signup[person]
    opened = np.clip((signup - options.start_s) // DAY, 0, options.days - 1)
    floor = days.cumulative[opened]
    day = days.days(floor + rng.random(n) * (1 - floor))
    local = local_seconds(people.profile[person], rng.random(n), rng.random(n))
    start = to_utc(options, day, local, people.country[person])
    first = np.r_[True, person[1:] != person[:-1]] if n else np.zeros(0, dtype=bool)
    welcome = first & (signup >= options.start_s) & (rng.random(n) < 0.7)
    soon = signup + rng.integers(30, 2_400, n)
    return np.where(welcome | (start <= signup), np.minimum(soon, options.end_s), start), day


def campaigns(options: DatasetOptions, day: I64, rng: Rng) -> tuple[I64, I64]:
    n = len(day)
    utm = pick(rng, _UTM_WEIGHTS, n)
    running = calendar(options).campaign[day]
    chosen = np.where(rng.random(n) < 0.3, 1, running)
    reach = np.array([0.04, 0.0, 0.75, 0.8, 0.85, 0.45])[utm]
    return utm, np.where(rng.random(n) < reach, chosen, 0)


def genuine_baskets(options: DatasetOptions, people: People, visits: Visits, block: int) -> Baskets:
    rng = stream(options.seed, STREAM + 1, block)
    visit = np.repeat(np.arange(len(visits)), visits.baskets)
    n, person = len(visit), visits.person[visit]
    lines = np.minimum(rng.geometric(0.52, n), 6)
    fast = rng.random(n) < ONE_CLICK_RATE
    gap = np.where(fast, rng.integers(9, 29, n), 34 + np.exp(rng.normal(4.5, 0.75, n)).astype(np.int64))
    failures, paid = _attempts(rng, n)
    second = (people.two_cards[person] & (rng.random(n) < 0.2)).astype(np.int64)
    replaced = rng.random(n) < 0.012  # a renewed card, never seen before
    return Baskets(
        visit=visit,
        pause=rng.integers(45, 260, n),
        gap=np.minimum(gap, 2_400),
        pace=np.where(fast, 1, rng.integers(15, 240, n)),
        euros=_spend(options, people, visits, visit, rng),
        lines=np.where(fast, 1, lines),
        category=_category(people, person, rng.random((2, n))),
        attempts=failures + paid,
        paid=paid,
        retry=rng.integers(18, 110, n),
        method=np.where(rng.random(n) < 0.12, 0, people.method[person]),
        card=own_card(options, people, person, second + 2 * replaced),
        issuer=people.bank_country[person],
        new_card=(second == 1) | replaced | (rng.random(n) < 0.14),
        many_cards=np.zeros(n, dtype=bool),
    )


def _attempts(rng: Rng, n: int) -> tuple[I64, Bool]:
    trouble = rng.random(n) < FAILURE_RATE
    failures = np.where(trouble, np.minimum(rng.geometric(0.78, n), 4), 0)
    return failures, ~trouble | (rng.random(n) < 0.72)


def _spend(options: DatasetOptions, people: People, visits: Visits, visit: I64, rng: Rng) -> F64:
    n = len(visit)
    day = np.clip((visits.start[visit] - options.start_s) // DAY, 0, options.days - 1)
    euros = people.usual[visits.person[visit]] * np.exp(rng.normal(0, 0.42, n))
    gift = rng.random(n) < calendar(options).december[day]
    return np.where(gift, euros * rng.uniform(*GIFT_FACTOR, n), euros)


def _category(people: People, person: I64, u: F64) -> I64:
    steps = np.cumsum(_WEIGHTS)
    other = np.searchsorted(steps, u[1] * steps[-1], side="right").astype(np.int64)
    category = np.where(u[0] < 0.55, people.taste[person], other)
    return np.where(people.minor[person] & _ADULT[category], _BOOKS, category)
