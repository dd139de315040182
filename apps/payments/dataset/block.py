"""One block of customers, simulated whole: everything but the public numbers."""

from dataclasses import dataclass, replace

import numpy as np

from apps.payments.dataset.arrays import I64
from apps.payments.dataset.frauds import fraud_baskets, fraud_visits
from apps.payments.dataset.genuine import genuine_baskets, genuine_visits
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.people import People, make_people
from apps.payments.dataset.plan import Baskets, Visits
from apps.payments.dataset.purchases import Lines, Payments, Timeline, make_lines, make_payments, make_timeline


@dataclass(frozen=True)
class Counts:
    """How many public numbers a block uses, or how many are used before it."""

    sessions: int = 0
    payments: int = 0
    orders: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.sessions + other.sessions, self.payments + other.payments, self.orders + other.orders)


@dataclass(frozen=True)
class Block:
    index: int
    people: People
    visits: Visits
    baskets: Baskets
    timeline: Timeline
    lines: Lines
    payments: Payments
    session_rank: I64  # of each visit, by start

    @property
    def counts(self) -> Counts:
        return Counts(len(self.visits), len(self.payments), int(self.payments.success.sum()))


def simulate(options: DatasetOptions, index: int) -> Block:
    people = make_people(options, index)
    visits, baskets = _plans(options, people, index)
    timeline = make_timeline(options, visits, baskets, index)
    lines = make_lines(options, baskets, index)
    payments = make_payments(options, visits, baskets, timeline, lines, index)
    rank = np.empty(len(visits), dtype=np.int64)
    rank[np.argsort(timeline.start, kind="stable")] = np.arange(len(visits))
    # Whatever the clock did to the visits, an account is older than its first one.
    signup = people.signup.copy()
    np.minimum.at(signup, visits.person, timeline.start - 30)
    people = replace(people, signup=signup)
    return Block(index, people, visits, baskets, timeline, lines, payments, rank)


def _plans(options: DatasetOptions, people: People, index: int) -> tuple[Visits, Baskets]:
    honest = genuine_visits(options, people, index)
    honest_baskets = genuine_baskets(options, people, honest, index)
    payers = honest.person[honest_baskets.visit]
    paid = np.bincount(payers, honest_baskets.attempts, len(people)).astype(np.int64)
    fraud = fraud_visits(options, people, paid, index)
    stolen = fraud_baskets(options, people, fraud, index)
    stolen = replace(stolen, visit=stolen.visit + len(honest))
    return honest.join(fraud), honest_baskets.join(stolen)
