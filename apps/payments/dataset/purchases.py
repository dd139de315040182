"""From plans to facts: when each visit and payment happens, what was bought, what was refused."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from apps.payments.dataset.arrays import I64, U64, Bool, Rng, mix, pick, stream, within
from apps.payments.dataset.catalogue import catalogue
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.plan import GENUINE, Baskets, Table, Visits

STREAM: Final = 40
_SETTLE: Final = 3  # seconds a provider takes to answer
_MAX_QTY: Final = 8
# By index into FAILURES from 1: what honest people trip over, and what thieves do.
_HONEST_FAILURES: Final = np.array([0.30, 0.32, 0.20, 0.08, 0.08, 0.02])
_FRAUD_FAILURES: Final = np.array([0.30, 0.12, 0.16, 0.06, 0.28, 0.08])


@dataclass(frozen=True)
class Timeline:
    start: I64  # of each visit
    end: I64
    pay_at: I64  # first attempt of each basket


@dataclass(frozen=True)
class Lines(Table):
    """Order lines, one a product and basket."""

    basket: I64
    product: I64
    qty: I64


@dataclass(frozen=True)
class Payments(Table):
    """Payment attempts in the order of time."""

    basket: I64
    visit: I64
    at: I64
    cents: I64
    success: Bool
    failure: I64
    card: U64
    method: I64
    order: I64  # running number of the order it paid, -1 if none


def make_timeline(options: DatasetOptions, visits: Visits, baskets: Baskets, block: int) -> Timeline:
    rng = stream(options.seed, STREAM, block)
    nth = within(baskets.visit)
    retries = (baskets.attempts - 1) * baskets.retry
    span = baskets.pause * (nth > 0) + (baskets.lines - 1) * baskets.pace + baskets.gap + retries + _SETTLE
    run = np.cumsum(span)
    before = (run - span)[np.arange(len(run)) - nth] if len(run) else run
    done = run - before + visits.browse[baskets.visit]
    length = visits.browse + 2
    np.maximum.at(length, baskets.visit, done)
    length += np.where(visits.baskets > 0, rng.integers(4, 180, len(visits)), 0)
    # A visit near the end of the period starts a little earlier rather than leaving it.
    start = np.minimum(visits.start, options.end_s - length)
    return Timeline(start=start, end=start + length, pay_at=start[baskets.visit] + done - _SETTLE - retries)


def make_lines(options: DatasetOptions, baskets: Baskets, block: int) -> Lines:
    rng = stream(options.seed, STREAM + 1, block)
    shop = catalogue()
    basket = np.repeat(np.arange(len(baskets)), baskets.lines)
    n = len(basket)
    share = rng.uniform(0.4, 1.6, n)
    total = np.bincount(basket, share, len(baskets))
    euros = baskets.euros[basket] * share / total[basket]
    category = baskets.category[basket]
    dearest = shop.cents[shop.first + shop.count - 1][category] / 100
    wanted = np.where(rng.random(n) < 0.14, rng.integers(2, 4, n), 1)
    qty = np.clip(np.maximum(wanted, np.ceil(euros / dearest)), 1, _MAX_QTY).astype(np.int64)
    product = shop.near(category, euros / qty, rng.integers(-2, 3, n))
    # Two lines of the same product are one line of both quantities.
    key, where = np.unique(basket * 1_000 + product, return_inverse=True)
    merged = np.bincount(where, qty, len(key)).astype(np.int64)
    return Lines(basket=key // 1_000, product=key % 1_000, qty=merged)


def basket_cents(lines: Lines, count: int) -> I64:
    return np.bincount(lines.basket, catalogue().cents[lines.product] * lines.qty, count).astype(np.int64)


def cart_seen_at(baskets: Baskets, timeline: Timeline) -> I64:
    """The last cart event before each basket's payments: the look at the whole cart, on the way to the checkout."""
    return timeline.pay_at - baskets.gap * 7 // 10


def make_payments(
    options: DatasetOptions, visits: Visits, baskets: Baskets, timeline: Timeline, lines: Lines, block: int
) -> Payments:
    rng = stream(options.seed, STREAM + 2, block)
    basket = np.repeat(np.arange(len(baskets)), baskets.attempts)
    n, nth = len(basket), within(basket)
    visit = baskets.visit[basket]
    success = baskets.paid[basket] & (nth == baskets.attempts[basket] - 1)
    many = baskets.many_cards[basket]
    cents = basket_cents(lines, len(baskets))[basket]
    # Cards are tried with sums that nobody notices; the hit that follows is a real basket.
    cents = np.where(many & ~success, rng.integers(100, 990, n), cents)
    table = Payments(
        basket=basket,
        visit=visit,
        at=timeline.pay_at[basket] + nth * baskets.retry[basket],
        cents=cents,
        success=success,
        failure=_failures(rng, success, visits.pattern[visit] != GENUINE),
        card=np.where(many, mix(baskets.card[basket], nth), baskets.card[basket]),
        method=np.where(many, 0, baskets.method[basket]),
        order=np.full(n, -1),
    )
    table = table.take(np.argsort(table.at, kind="stable"))
    table.order[table.success] = np.arange(int(table.success.sum()))
    return table


def _failures(rng: Rng, success: Bool, fraud: Bool) -> I64:
    n = len(success)
    code = np.where(fraud, pick(rng, _FRAUD_FAILURES, n), pick(rng, _HONEST_FAILURES, n)) + 1
    return np.where(success, 0, code)
