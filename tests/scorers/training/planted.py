"""A feature matrix with a signal put in by hand, and labels that arrive late: made in milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kivendtout.lib.clock import event_time

START = event_time(datetime(2025, 9, 1, tzinfo=UTC))
DAY = 86_400_000_000
MOMENT = pa.timestamp("us", tz="UTC")


def planted(rows: int = 6000, *, seed: int = 1, days: int = 60, rate: float = 0.03, delay: float = 3.0) -> pa.Table:
    """Frauds are dear for their customer, from new devices, after failures, more at night; one in six is like any."""
    draw = np.random.default_rng(seed)
    at = np.sort(draw.integers(0, days * DAY, rows)) + START
    fraud = draw.random(rows) < rate
    odd = fraud & (draw.random(rows) < 0.84)
    country = np.where(draw.random(rows) < 0.7, "FR", draw.choice(["DE", "BE", "US", "BR"], rows))
    hours = at // 3_600_000_000 % 24
    columns: dict[str, Any] = {
        "payment_id": pa.array([f"P{n}" for n in range(rows)]),
        "reference_id": np.arange(rows) + 10,
        "customer": pa.array([f"C{n}" for n in draw.integers(0, rows // 6, rows)]),
        "at": pa.array(at, pa.int64()).cast(MOMENT),
        "amount_eur": np.round(draw.lognormal(np.where(odd, 4.6, 3.7), 0.8), 2),
        "hour": hours,
        "is_night": hours < 6,
        "amount_ratio": gaps(np.round(draw.lognormal(np.where(odd, 1.1, 0.0), 0.6), 3), draw),
        "customer_failures_1h": np.where(odd, draw.poisson(1.2, rows), draw.poisson(0.05, rows)),
        "card_frauds": (odd & (draw.random(rows) < 0.1)).astype(np.int64),
        "customer_devices_24h": 1 + np.where(odd, draw.poisson(0.6, rows), draw.poisson(0.05, rows)),
        "previous_payments": draw.poisson(6, rows),
        "account_age_days": np.round(draw.exponential(300, rows), 2),
        "new_device": draw.random(rows) < np.where(odd, 0.7, 0.08),
        "payment_card_mismatch": draw.random(rows) < np.where(odd, 0.4, 0.05),
        "failed": draw.random(rows) < 0.06,
        "is_weekend": np.zeros(rows, dtype=bool),
        "device_kind": pa.array(draw.choice(["ios", "android", "desktop"], rows)),
        "payment_country": pa.array(country),
        "method": pa.array(draw.choice(["card", "paypal"], rows), mask=draw.random(rows) < 0.02),
    }
    known = at + (draw.exponential(delay * DAY / 2.3, rows)).astype(np.int64)
    columns["is_fraud"] = pa.array(fraud, mask=~fraud)
    columns["label_known_at"] = pa.array(known, pa.int64(), mask=~fraud).cast(MOMENT)
    return pa.table(columns)


def gaps(values: Any, draw: np.random.Generator) -> pa.Array:
    """One in twelve is missing."""
    return pa.array(values, mask=draw.random(len(values)) < 0.08)


def planted_file(folder: Path, table: pa.Table | None = None, name: str = "matrix.parquet") -> Path:
    path = folder / name
    pq.write_table(planted() if table is None else table, path)
    return path


def moments(table: pa.Table, name: str) -> list[int | None]:
    """In microseconds."""
    found: list[int | None] = table.column(name).cast(pa.int64()).to_pylist()
    return found


def with_labels(table: pa.Table, fraud: list[bool | None], known: list[int | None]) -> pa.Table:
    table = table.set_column(table.schema.get_field_index("is_fraud"), "is_fraud", pa.array(fraud, pa.bool_()))
    place = table.schema.get_field_index("label_known_at")
    return table.set_column(place, "label_known_at", pa.array(known, pa.int64()).cast(MOMENT))


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    if name in table.schema.names:
        table = table.drop_columns([name])
    return table.append_column(name, pa.array(values))
