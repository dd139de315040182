"""merchants.csv (generated sets) and products.csv."""

from __future__ import annotations

import polars as pl

from apps.payments.ingestion import columns as kind
from apps.payments.ingestion.columns import Column
from apps.payments.ingestion.frames import stage_frame
from apps.payments.ingestion.staging import Merged, Run, execute
from apps.payments.ingestion.table import Table

INSERT_MERCHANTS = """
INSERT INTO payments_merchant (tenant_id, external_id, name, industry, size, country, mcc)
SELECT %(tenant)s::bigint, merchant_id, name, coalesce(industry, ''), coalesce(size, ''), country, coalesce(mcc, '')
FROM ingest_merchant ORDER BY n
ON CONFLICT (tenant_id, external_id) DO NOTHING
"""
# An export's prices are in euros, as its orders are.
INSERT_PRODUCTS = """
INSERT INTO payments_product
    (tenant_id, external_id, name, category, adult_restricted, unit_price, currency_id, created_at)
SELECT %(tenant)s::bigint, product_id, name, category, coalesce(is_adult_restricted, false), unit_price, 'EUR',
       created_at
FROM ingest_product ORDER BY n
ON CONFLICT (tenant_id, external_id) DO NOTHING
"""


def load_merchants(run: Run, frame: pl.DataFrame) -> Merged:
    columns = "n integer, merchant_id text, name text, industry text, size text, country text, mcc text"
    stage_frame("ingest_merchant", columns, frame)
    return Merged(execute(INSERT_MERCHANTS, run.values()))


def load_products(run: Run, frame: pl.DataFrame) -> Merged:
    columns = """n integer, product_id text, name text, category text, is_adult_restricted boolean,
        unit_price numeric(14, 3), created_at timestamptz"""
    stage_frame("ingest_product", columns, frame)
    return Merged(execute(INSERT_PRODUCTS, run.values()))


MERCHANTS = Table(
    name="merchants",
    order=30,
    required=False,
    columns=(
        Column("merchant_id", kind.text),
        Column("name", kind.text, limit=160),
        Column("industry", kind.text, optional=True),
        Column("size", kind.choice, optional=True, choices=("small", "medium", "large")),
        Column("country", kind.country),
        Column("mcc", kind.four_digits, optional=True),
    ),
    load=load_merchants,
    model="payments.Merchant",
)
PRODUCTS = Table(
    name="products",
    order=40,
    columns=(
        Column("product_id", kind.text),
        Column("name", kind.text, limit=200),
        Column("category", kind.text),
        Column("is_adult_restricted", kind.flag, optional=True),
        Column("unit_price", kind.amount),
        Column("created_at", kind.moment),
    ),
    load=load_products,
    model="payments.Product",
)
