"""Fraud incidents laid over the honest traffic: victims, moments, visits and baskets."""

from typing import Final

import numpy as np

from apps.payments.dataset.arrays import DAY, F64, I64, Bool, Rng, stream, within
from apps.payments.dataset.catalogue import CATEGORIES, RESALE
from apps.payments.dataset.genuine import campaigns
from apps.payments.dataset.habits import own_card, proxied, strange_card, unknown, usual
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.patterns import CARD_TESTING, FRAUD_SHARE, PATTERNS, TAKEOVER
from apps.payments.dataset.people import People
from apps.payments.dataset.plan import Baskets, Visits
from apps.payments.dataset.reference import ALL_CODES
from apps.payments.dataset.rhythm import FRAUD, calendar, local_seconds, to_utc

STREAM: Final = 30
_ADULT: Final = np.array([c.adult for c in CATEGORIES])


def _chance(name: str) -> F64:
    return np.array([getattr(pattern, name) for pattern in PATTERNS], dtype=float)


def _bounds(name: str) -> I64:
    return np.array([getattr(pattern, name) for pattern in PATTERNS], dtype=np.int64)


def fraud_visits(options: DatasetOptions, people: People, honest_payments: I64, block: int) -> Visits:
    """Visits of all incidents; `honest_payments` counts the genuine payments of each person."""
    rng = stream(options.seed, STREAM, block)
    pattern = _incidents(rng, int(honest_payments.sum()))
    newcomer = rng.random(len(pattern)) < _chance("newcomer")[pattern]
    victim = _victims(options, people, honest_payments, pattern, newcomer, rng)
    moment = _moments(options, people, victim, pattern, newcomer, rng)
    low, high = _bounds("visits")[pattern].T
    count = rng.integers(low, high + 1)
    incident = np.repeat(np.arange(len(pattern)), count)
    # A hopper comes back from another device within the hour.
    start = moment[incident] + within(incident) * rng.integers(420, 1_500, len(incident))
    start = np.minimum(start, options.end_s)
    return _dressed(options, people, pattern[incident], victim[incident], start, rng)


def _incidents(rng: Rng, honest: int) -> I64:
    target = honest * FRAUD_SHARE / (1 - FRAUD_SHARE)
    expected = target * _chance("share") / _chance("payments")
    count = np.floor(expected + rng.random(len(PATTERNS))).astype(np.int64)
    # A demo-sized set shows every pattern, also the one whose incidents are long and thus rare.
    count = np.maximum(count, expected >= 0.4)
    return np.repeat(np.arange(len(PATTERNS)), count)


def _victims(options: DatasetOptions, people: People, payments: I64, pattern: I64, newcomer: Bool, rng: Rng) -> I64:
    """Newcomers opened their account in the period; a takeover hits an old customer who buys."""
    recent = (people.signup >= options.start_s).astype(float)
    buyers = np.minimum(payments, 12).astype(float)
    old = buyers * (people.signup < options.start_s - 60 * DAY)
    fallback = 1e-9  # a tiny block may hold nobody who fits
    pools = np.array([recent * (payments == 0), buyers, old]) + fallback
    steps = np.cumsum(pools, axis=1)
    pool = np.where(pattern == TAKEOVER, 2, np.where(newcomer, 0, 1))
    draw = rng.random(len(pattern))
    victim = np.zeros(len(pattern), dtype=np.int64)
    for row in range(3):
        chosen = pool == row
        victim[chosen] = np.searchsorted(steps[row], draw[chosen] * steps[row, -1], side="right")
    return np.minimum(victim, len(people) - 1)


def _moments(options: DatasetOptions, people: People, victim: I64, pattern: I64, newcomer: Bool, rng: Rng) -> I64:
    n = len(pattern)
    signup = people.signup[victim]
    floor = calendar(options).cumulative[np.clip((signup - options.start_s) // DAY, 0, options.days - 1)]
    # Known customers are hit once they have a history in the period.
    day = calendar(options).days(floor + (0.12 + 0.88 * rng.random(n)) * (1 - floor))
    soon = np.clip((signup - options.start_s) // DAY + rng.geometric(0.3, n), 0, options.days - 1)
    day = np.where(newcomer & (signup >= options.start_s), soon, day)
    local = local_seconds(np.full(n, FRAUD), rng.random(n), rng.random(n))
    night = rng.random(n) < _chance("night")[pattern]
    local = np.where(night, rng.integers(int(1.8 * 3_600), int(5.9 * 3_600), n), local)
    moment = to_utc(options, day, local, people.country[victim])
    earliest = np.minimum(signup + rng.integers(120, 7_200, n), options.end_s)
    after: I64 = np.maximum(moment, earliest)
    return after


def _dressed(options: DatasetOptions, people: People, pattern: I64, victim: I64, start: I64, rng: Rng) -> Visits:
    n = len(victim)
    place = usual(options, people, victim, start, rng)
    kind, device, address = unknown(options, n, rng)
    new_device = rng.random(n) < _chance("new_device")[pattern]
    new_address = rng.random(n) < _chance("new_address")[pattern]
    foreign = rng.random(n) < _chance("foreign")[pattern]
    day = np.clip((start - options.start_s) // DAY, 0, options.days - 1)
    utm, campaign = campaigns(options, day, rng)
    direct = rng.random(n) < 0.3
    country = np.where(foreign, rng.integers(0, len(ALL_CODES), n), people.country[victim])
    own_network = new_address | foreign
    located = proxied(options, address, country, _chance("proxy")[pattern])
    low, high = _bounds("baskets")[pattern].T
    return Visits(
        person=victim,
        start=start,
        kind=np.where(new_device, kind, place.kind),
        device=np.where(new_device, device, place.device),
        address=np.where(own_network, address, place.address),
        country=country,
        located=np.where(own_network, located, place.located),
        utm=np.where(direct, 0, utm),
        campaign=np.where(direct, 0, campaign),
        pattern=pattern + 1,
        browse=np.clip(np.exp(rng.normal(4.7, 0.8, n)), 8, 1_800).astype(np.int64),
        baskets=rng.integers(low, high + 1),
    )


def fraud_baskets(options: DatasetOptions, people: People, visits: Visits, block: int) -> Baskets:
    rng = stream(options.seed, STREAM + 1, block)
    visit = np.repeat(np.arange(len(visits)), visits.baskets)
    n, person, pattern = len(visit), visits.person[visit], visits.pattern[visit] - 1
    fast = rng.random(n) < _chance("fast")[pattern]
    stolen = rng.random(n) < _chance("stolen_card")[pattern]
    low, high = _bounds("attempts")[pattern].T
    attempts = rng.integers(low, high + 1)
    testing = pattern == CARD_TESTING
    own = own_card(options, people, person, np.zeros(n, dtype=np.int64))
    return Baskets(
        visit=visit,
        pause=rng.integers(15, 70, n),
        gap=np.where(fast, rng.integers(5, 29, n), rng.integers(33, 260, n)),
        pace=np.where(fast, 1, rng.integers(5, 60, n)),
        euros=_spend(people, person, pattern, rng),
        lines=np.where(fast, 1, np.minimum(rng.geometric(0.6, n), 4)),
        category=_category(people, person, pattern, rng),
        attempts=attempts,
        paid=rng.random(n) < np.where(testing, 0.8, 0.9),
        retry=np.where(testing, rng.integers(12, 120, n), rng.integers(15, 70, n)),
        method=np.where(rng.random(n) < 0.7, 0, people.method[person]),
        card=np.where(stolen, strange_card(options, n, rng), own),
        issuer=np.where(
            stolen & (rng.random(n) < 0.45), rng.integers(0, len(ALL_CODES), n), people.bank_country[person]
        ),
        new_card=stolen,
        many_cards=testing,
    )


def _spend(people: People, person: I64, pattern: I64, rng: Rng) -> F64:
    n = len(person)
    high = rng.random(n) < _chance("high")[pattern]
    factor = np.where(high, rng.uniform(3.2, 9.0, n), np.exp(rng.normal(0.2, 0.5, n)))
    return people.usual[person] * factor


def _category(people: People, person: I64, pattern: I64, rng: Rng) -> I64:
    n = len(person)
    resale = rng.random(n) < _chance("resale")[pattern]
    category = np.where(resale, rng.choice(RESALE, n), people.taste[person])
    return np.where(people.minor[person] & _ADULT[category], RESALE[0], category)
