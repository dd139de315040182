"""Frames on their way to PostgreSQL. Apart from staging, so that what records single payments needs no Polars."""

from __future__ import annotations

import io

import polars as pl

from apps.payments.ingestion.staging import copy_into, open_stage
from kivendtout.lib.crypto.hashing import blind_indexes

MOMENT = "%Y-%m-%d %H:%M:%S%.6f%:z"


def stage_frame(name: str, columns: str, frame: pl.DataFrame, *, keep: bool = False) -> None:
    """`columns` is SQL: `n integer, customer_id text, …`, in the frame's own order."""
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=False, datetime_format=MOMENT)
    open_stage(name, columns, keep=keep)
    with copy_into(f"COPY {name} FROM STDIN (FORMAT csv)") as copy:
        copy.write(buffer.getbuffer())


def hashed(purpose: str, values: pl.Series, *, normaliser: str = "exact") -> pl.Series:
    """Keyed hashes in the text form of bytea; each distinct value is computed once."""
    distinct = values.drop_nulls().unique()
    digests = blind_indexes(purpose, distinct.to_list(), normaliser=normaliser)
    known = {value: f"\\x{digest.hex()}" for value, digest in zip(distinct, digests, strict=True) if digest}
    return values.replace_strict(known, default=None, return_dtype=pl.String)
