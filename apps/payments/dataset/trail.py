"""The behavioural events of every visit, from the landing page to the answer of the provider."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from apps.payments.dataset.arrays import I64, Rng, pick, stream
from apps.payments.dataset.catalogue import CATEGORIES, catalogue
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.people import People
from apps.payments.dataset.plan import Baskets, Table, Visits
from apps.payments.dataset.purchases import Lines, Payments, Timeline, basket_cents, cart_seen_at

STREAM: Final = 50
EVENT_TYPES: Final = (
    "page_view",
    "search",
    "product_view",
    "add_to_cart",
    "remove_from_cart",
    "view_cart",
    "checkout_start",
    "add_payment_method",
    "payment_attempt",
    "payment_success",
    "payment_failed",
)
(PAGE, SEARCH, VIEW, ADD, REMOVE, CART, CHECKOUT, NEW_METHOD, ATTEMPT, SUCCESS, FAILED) = range(11)
_BROWSING: Final = np.array([0.38, 0.20, 0.42])
_ABANDONED_CARTS: Final = 0.3
_ADULT: Final = np.array([c.adult for c in CATEGORIES])


@dataclass(frozen=True)
class Events(Table):
    """-1 stands for nothing."""

    visit: I64
    at: I64
    kind: I64
    product: I64
    cents: I64
    payment: I64
    order: I64


def _piece(
    visit: I64,
    at: I64,
    kind: int | I64,
    product: I64 | None = None,
    cents: I64 | None = None,
    payment: I64 | None = None,
    order: I64 | None = None,
) -> Events:
    nothing = np.full(len(visit), -1)
    return Events(
        visit=visit,
        at=at,
        kind=np.broadcast_to(np.asarray(kind, dtype=np.int64), len(visit)),
        product=nothing if product is None else product,
        cents=nothing if cents is None else cents,
        payment=nothing if payment is None else payment,
        order=nothing if order is None else order,
    )


def make_events(
    options: DatasetOptions,
    people: People,
    visits: Visits,
    baskets: Baskets,
    timeline: Timeline,
    lines: Lines,
    payments: Payments,
    block: int,
) -> Events:
    rng = stream(options.seed, STREAM, block)
    # The order of the pieces is the order of events that share a second.
    pieces = [
        _browsing(people, visits, timeline, rng),
        *_abandoned(people, visits, timeline, rng),
        *_filling(baskets, timeline, lines),
        *_checkout(baskets, timeline, lines),
        *_paying(payments),
    ]
    names = Events.__dataclass_fields__
    every = Events(**{name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in names})
    return every.take(np.argsort(every.at, kind="stable"))


def _browsing(people: People, visits: Visits, timeline: Timeline, rng: Rng) -> Events:
    buys = visits.baskets > 0
    more = np.where(buys, rng.poisson(2.0, len(visits)), 1 + rng.poisson(4.4, len(visits)))
    visit = np.repeat(np.arange(len(visits)), more + 1)
    landing = np.r_[True, visit[1:] != visit[:-1]] if len(visit) else np.zeros(0, dtype=bool)
    later = (rng.random(len(visit)) * visits.browse[visit]).astype(np.int64)
    at = timeline.start[visit] + np.where(landing, 0, later)
    kind = np.where(landing, PAGE, pick(rng, _BROWSING, len(visit)))
    product = np.where(kind == VIEW, _looked_at(people, visits, visit, rng), -1)
    return _piece(visit, at, kind, product)


def _looked_at(people: People, visits: Visits, visit: I64, rng: Rng) -> I64:
    n, person = len(visit), visits.person[visit]
    category = np.where(rng.random(n) < 0.5, people.taste[person], rng.integers(0, len(CATEGORIES), n))
    category = np.where(people.minor[person] & _ADULT[category], people.taste[person], category)
    return catalogue().browse(category, rng.random(n))


def _abandoned(people: People, visits: Visits, timeline: Timeline, rng: Rng) -> list[Events]:
    visit = np.flatnonzero((visits.baskets == 0) & (rng.random(len(visits)) < _ABANDONED_CARTS))
    product = _looked_at(people, visits, visit, rng)
    start, browse = timeline.start[visit], visits.browse[visit]
    cents = catalogue().cents[product]
    fate = rng.random(len(visit))
    gone, tried = fate < 0.35, fate > 0.78
    return [
        _piece(visit, start + browse * 5 // 10, VIEW, product),
        _piece(visit, start + browse * 6 // 10, ADD, product),
        _piece(visit, start + browse * 8 // 10, CART, cents=cents),
        _piece(visit[gone], (start + browse * 9 // 10)[gone], REMOVE, product[gone]),
        _piece(visit[tried], (start + browse * 9 // 10)[tried], CHECKOUT, cents=cents[tried]),
    ]


def _filling(baskets: Baskets, timeline: Timeline, lines: Lines) -> list[Events]:
    basket, visit = lines.basket, baskets.visit[lines.basket]
    last = np.searchsorted(basket, basket, side="right") - 1
    left = last - np.arange(len(basket))  # lines still to come after this one
    pace = baskets.pace[basket]
    added = timeline.pay_at[basket] - baskets.gap[basket] - left * pace
    seen = added - np.clip(pace // 2, 1, 25)
    # Never before the visit itself.
    seen = np.maximum(seen, timeline.start[visit])
    return [_piece(visit, seen, VIEW, lines.product), _piece(visit, added, ADD, lines.product)]


def _checkout(baskets: Baskets, timeline: Timeline, lines: Lines) -> list[Events]:
    cents = basket_cents(lines, len(baskets))
    visit, pay, gap = baskets.visit, timeline.pay_at, baskets.gap
    new = baskets.new_card
    return [
        _piece(visit, cart_seen_at(baskets, timeline), CART, cents=cents),
        _piece(visit, pay - gap * 4 // 10, CHECKOUT, cents=cents),
        _piece(visit[new], (pay - gap * 2 // 10)[new], NEW_METHOD),
    ]


def _paying(payments: Payments) -> list[Events]:
    number, cents = np.arange(len(payments)), payments.cents
    ok = payments.success
    visit, at = payments.visit, payments.at
    return [
        _piece(visit, at, ATTEMPT, cents=cents, payment=number),
        _piece(visit[ok], at[ok] + 2, SUCCESS, cents=cents[ok], payment=number[ok], order=payments.order[ok]),
        _piece(visit[~ok], at[~ok] + 2, FAILED, cents=cents[~ok], payment=number[~ok]),
    ]
