"""Every growing file's rows of one block, with their public numbers."""

from typing import Final

import numpy as np
import polars as pl

from apps.payments.dataset import schema
from apps.payments.dataset.arrays import DAY, I64, U8, hex_text, label_text, number_text, stream, time_text, token_bytes
from apps.payments.dataset.block import Block, Counts
from apps.payments.dataset.catalogue import product_codes
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.payment_tables import (
    alerts_frame,
    details_frame,
    labels_frame,
    order_frames,
    payments_frame,
)
from apps.payments.dataset.profiles import profiles_frame
from apps.payments.dataset.reference import CAMPAIGNS, COUNTRY_CODES, DEVICES, UTM_SOURCES
from apps.payments.dataset.trail import EVENT_TYPES, make_events

STREAM: Final = 80


def block_frames(options: DatasetOptions, block: Block, before: Counts) -> dict[str, pl.DataFrame]:
    names = _names(block, before)
    payments = payments_frame(options, block, before, names)
    orders, items = order_frames(options, block, before, payments)
    frames = {
        schema.CUSTOMERS: _customers(block),
        schema.CUSTOMER_PROFILES: profiles_frame(options, block.people, block.index),
        schema.SESSIONS: names.sort("rank"),
        schema.PAYMENTS: payments,
        schema.PAYMENT_DETAILS: details_frame(options, block, payments),
        schema.FRAUD_ALERTS: alerts_frame(options, block, payments),
        schema.FRAUD_LABELS: labels_frame(options, block, payments),
        schema.ORDERS: orders,
        schema.ORDER_ITEMS: items,
        schema.EVENTS: _events(options, block, names, payments["payment_id"], orders["order_id"]),
    }
    return {name: frames[name].select(schema.COLUMNS[name]) for name in schema.GROWING_TABLES}


def _customers(block: Block) -> pl.DataFrame:
    people = block.people
    return pl.DataFrame(
        {
            "customer_id": number_text("C", people.number, 5),
            "signup_ts": time_text(people.signup),
            "country": label_text(COUNTRY_CODES, people.country),
            "preferred_device": label_text(DEVICES, people.device),
            "birthdate": time_text(people.birth_day * DAY).str.head(10),
            "is_minor": people.minor.astype(np.int8),
        }
    )


def _names(block: Block, before: Counts) -> pl.DataFrame:
    """One row a visit, in the order of the block's arrays, with what sessions and events share."""
    visits = block.visits
    return pl.DataFrame(
        {
            "rank": block.session_rank,
            "session_id": number_text("S", block.session_rank + before.sessions + 1, 6),
            "customer_id": number_text("C", block.people.number[visits.person], 5),
            "start_ts": time_text(block.timeline.start),
            "end_ts": time_text(block.timeline.end),
            "device": label_text(DEVICES, visits.kind),
            "ip_hash": hex_text(token_bytes(visits.address, 8)),
            "utm_source": label_text(UTM_SOURCES, visits.utm),
            "utm_campaign": label_text(CAMPAIGNS, visits.campaign),
        }
    )


def _events(
    options: DatasetOptions, block: Block, names: pl.DataFrame, payment_ids: pl.Series, order_ids: pl.Series
) -> pl.DataFrame:
    events = make_events(
        options, block.people, block.visits, block.baskets, block.timeline, block.lines, block.payments, block.index
    )
    raw: U8 = stream(options.seed, STREAM, block.index).integers(0, 256, (len(events), 16), dtype=np.uint8)
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40  # the version digit of a random UUID, as in the export
    return names[events.visit].with_columns(
        event_id=hex_text(raw),
        ts=time_text(events.at),
        event_type=label_text(EVENT_TYPES, events.kind),
        product_id=_where_known(product_codes(), events.product),
        cart_value=pl.Series(np.where(events.cents < 0, np.nan, events.cents / 100)).fill_nan(None),
        payment_id=_where_known(payment_ids, events.payment),
        order_id=_where_known(order_ids, events.order),
    )


def _where_known(values: pl.Series, index: I64) -> pl.Series:
    """The values at these places, null where the place is -1."""
    return values.gather(pl.Series(index).set(pl.Series(index < 0), None))
