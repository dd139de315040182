"""Payments, their details and labels, and the orders they paid."""

from typing import Final

import numpy as np
import polars as pl

from apps.payments.dataset.arrays import (
    DAY,
    I64,
    U64,
    Bool,
    hex_text,
    label_text,
    mix,
    number_text,
    stream,
    time_text,
    token_bytes,
)
from apps.payments.dataset.block import Block, Counts
from apps.payments.dataset.catalogue import CATEGORIES, catalogue, product_codes
from apps.payments.dataset.habits import chance
from apps.payments.dataset.merchants import merchant_numbers
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.patterns import PATTERN_NAMES, PATTERNS
from apps.payments.dataset.plan import GENUINE
from apps.payments.dataset.purchases import cart_seen_at
from apps.payments.dataset.reference import (
    ALL_CODES,
    DEVICE_KINDS,
    DEVICE_SOFTWARE,
    FAILURES,
    METHODS,
    SHIPPING,
)

STREAM: Final = 70
UNNOTICED: Final = 0.015  # frauds that nobody had reported when the export was made
BILLED_AT_THE_BANK: Final = 0.6  # bills whose country is the card's, where that is not the customer's
CLEARED: Final = 0.01  # genuine payments that were disputed or reviewed, and cleared
_CURRENCY: Final = "EUR"  # the shop sells in euros everywhere, as its export shows
_BILLING: Final = 704
_NO_PATTERN: Final = "none"
_SOFTWARE: Final = tuple(pair for pairs in DEVICE_SOFTWARE for pair in pairs)
_SOFTWARE_COUNT: Final = np.array([len(pairs) for pairs in DEVICE_SOFTWARE])
_SOFTWARE_FIRST: Final = np.cumsum(_SOFTWARE_COUNT) - _SOFTWARE_COUNT


def payments_frame(options: DatasetOptions, block: Block, before: Counts, names: pl.DataFrame) -> pl.DataFrame:
    """The rows of payments.csv, in the order of time."""
    paid, visits = block.payments, block.visits
    rng = stream(options.seed, STREAM, block.index)
    noticed = (visits.pattern[paid.visit] != GENUINE) & (rng.random(len(paid)) >= UNNOTICED)
    shared = names.select("customer_id", "session_id", "ip_hash")[paid.visit]
    return shared.with_columns(
        payment_id=number_text("PAY", np.arange(len(paid)) + before.payments + 1, 7),
        attempt_ts=time_text(paid.at),
        method=label_text(METHODS, paid.method),
        card_bin=pl.Series(_bins(paid.card, block.baskets.issuer[paid.basket])),
        payment_country=label_text(ALL_CODES, visits.country[paid.visit]),
        device_id=hex_text(token_bytes(visits.device[paid.visit], 6), "dev_"),
        amount=pl.Series(paid.cents / 100),
        result=label_text(("failed", "success"), paid.success.astype(np.int64)),
        is_fraud_label=pl.Series(noticed.astype(np.int8)),
    )


def _bins(card: U64, issuer: I64) -> I64:
    """Each issuing country has a few dozen BINs; the digits are drawn, not any bank's."""
    family = mix(701, issuer, (card % np.uint64(24)).astype(np.int64))
    low = (family >> np.uint64(8)).astype(np.int64)
    return np.where(family % np.uint64(4) == 0, 510_000 + low % 50_000, 400_000 + low % 100_000)


def details_frame(options: DatasetOptions, block: Block, payments: pl.DataFrame) -> pl.DataFrame:
    paid, visits, baskets = block.payments, block.visits, block.baskets
    rng = stream(options.seed, STREAM + 1, block.index)
    kind = visits.kind[paid.visit]
    merchant = merchant_numbers(rng, baskets.category)[paid.basket]
    choice = (visits.device[paid.visit] >> np.uint64(52)).astype(np.int64) % _SOFTWARE_COUNT[kind]
    software = _SOFTWARE_FIRST[kind] + choice
    last4 = (mix(702, paid.card) % np.uint64(10_000)).astype(np.int64)
    return pl.DataFrame(
        {
            "payment_id": payments["payment_id"],
            "merchant_id": number_text("M", merchant, 4),
            "last4": number_text("", last4, 4),
            "card_fingerprint": hex_text(token_bytes(mix(703, paid.card), 8), "cfp_"),
            "issuer_country": label_text(ALL_CODES, baskets.issuer[paid.basket]),
            "currency": pl.repeat(_CURRENCY, len(paid), eager=True),
            "device_kind": label_text(DEVICE_KINDS, kind),
            "os": label_text(tuple(pair[0] for pair in _SOFTWARE), software),
            "browser": label_text(tuple(pair[1] for pair in _SOFTWARE), software),
            "failure_code": label_text(FAILURES, paid.failure).replace("", None),
            "ip_country": label_text(ALL_CODES, visits.located[paid.visit]),
            "billing_country": label_text(ALL_CODES, _billed(options, block)[paid.basket]),
            "cart_at": time_text(cart_seen_at(baskets, block.timeline)[paid.basket]),
            "basket_size": np.bincount(block.lines.basket, block.lines.qty, len(baskets)).astype(np.int64)[paid.basket],
            "adult_restricted": _restricted(block)[paid.basket].astype(np.int8),
        }
    )


def _billed(options: DatasetOptions, block: Block) -> I64:
    """Mostly where the customer lives; with a foreign card, the client's own or stolen, often where its bank is."""
    baskets, people = block.baskets, block.people
    home = people.country[block.visits.person[baskets.visit]]
    abroad = chance(options.seed, _BILLING, baskets.card, share=BILLED_AT_THE_BANK)
    return np.where(abroad, baskets.issuer, home)


def _restricted(block: Block) -> Bool:
    adult = np.array([category.adult for category in CATEGORIES])[catalogue().category[block.lines.product]]
    return np.bincount(block.lines.basket, adult, len(block.baskets)) > 0


def alerts_frame(options: DatasetOptions, block: Block, payments: pl.DataFrame) -> pl.DataFrame:
    """What the export knew as fraud: nearly all of it, under the words of the first rule engine."""
    pattern = block.visits.pattern[block.payments.visit]
    rows = np.flatnonzero(payments["is_fraud_label"].to_numpy())
    rng = stream(options.seed, STREAM + 2, block.index)
    raw = rng.integers(0, 256, (len(rows), 5), dtype=np.uint8)
    return payments[rows].with_columns(
        alert_id=hex_text(raw, "AL").str.to_uppercase(),
        alert_ts=pl.col("attempt_ts"),
        rule_triggered=label_text(tuple(p.alert for p in PATTERNS), pattern[rows] - 1),
    )


def labels_frame(options: DatasetOptions, block: Block, payments: pl.DataFrame) -> pl.DataFrame:
    """The truth, and the day it becomes known: every fraud, and the genuine payments that were cleared."""
    paid = block.payments
    pattern = block.visits.pattern[paid.visit]
    rng = stream(options.seed, STREAM + 3, block.index)
    rows = np.flatnonzero((pattern != GENUINE) | (rng.random(len(paid)) < CLEARED))
    pattern = pattern[rows]
    median = np.array([12.0, *(p.label_days for p in PATTERNS)])[pattern]
    days = np.clip(median * np.exp(rng.normal(0, 0.5, len(rows))), 1, 90)
    known = paid.at[rows] + (days * DAY).astype(np.int64)
    return payments[rows].with_columns(
        pattern=label_text((_NO_PATTERN, *PATTERN_NAMES), pattern),
        label_ts=time_text(known),
        is_fraud=pl.Series((pattern != GENUINE).astype(np.int8)),
    )


def order_frames(
    options: DatasetOptions, block: Block, before: Counts, payments: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Orders exist for paid baskets only."""
    paid, lines = block.payments, block.lines
    rng = stream(options.seed, STREAM + 4, block.index)
    rows = np.flatnonzero(paid.success)
    number = number_text("O", np.arange(len(rows)) + before.orders + 1, 7)
    orders = payments[rows].with_columns(
        order_id=number,
        order_ts=pl.col("attempt_ts"),
        total_amount=pl.col("amount"),
        currency=pl.lit(_CURRENCY),
        shipping_method=label_text(SHIPPING, rng.choice(3, len(rows), p=[0.55, 0.18, 0.27])),
        status=pl.lit("paid"),
    )
    order_of = np.full(len(block.baskets), -1)
    order_of[paid.basket[rows]] = np.arange(len(rows))
    owner = order_of[lines.basket]
    kept = np.flatnonzero(owner >= 0)
    kept = kept[np.argsort(owner[kept], kind="stable")]
    items = pl.DataFrame(
        {
            "order_id": number.gather(pl.Series(owner[kept])),
            "product_id": product_codes().gather(pl.Series(lines.product[kept])),
            "qty": lines.qty[kept],
        }
    )
    return orders, items
