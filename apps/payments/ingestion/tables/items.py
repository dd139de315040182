"""order_items.csv → order lines. The same product may stand twice in an order, so a line is known by its number:
its place among the order's rows in the file, counted across chunks.
"""

from __future__ import annotations

import polars as pl

from apps.payments.ingestion import columns as kind
from apps.payments.ingestion.columns import Column
from apps.payments.ingestion.frames import stage_frame
from apps.payments.ingestion.staging import Merged, Run, drop_stages, execute, fetch
from apps.payments.ingestion.table import Finished, Table

STAGE = """
    n integer, order_id text, product_id text, qty integer, place integer, places integer
"""
SEEN = "CREATE TEMPORARY TABLE IF NOT EXISTS ingest_order_seen (order_id text PRIMARY KEY, lines integer NOT NULL)"
INSERT = """
INSERT INTO payments_orderitem (tenant_id, order_id, line, product_id, quantity, unit_price)
SELECT %(tenant)s::bigint, o.id, coalesce(b.lines, 0) + s.place, p.id, s.qty, p.unit_price
FROM ingest_item s
JOIN LATERAL (SELECT * FROM payments_order
    WHERE tenant_id = %(tenant)s AND external_id = s.order_id LIMIT 1) o ON true
JOIN LATERAL (SELECT * FROM payments_product
    WHERE tenant_id = %(tenant)s AND external_id = s.product_id LIMIT 1) p ON true
LEFT JOIN ingest_order_seen b ON b.order_id = s.order_id
WHERE coalesce(b.lines, 0) + s.place <= 32767
ORDER BY s.n
ON CONFLICT (order_id, line) DO NOTHING
"""
FAULTS = """
SELECT s.n, CASE WHEN o.id IS NULL THEN 'order_id ' || s.order_id || ' is not a known order.'
                 WHEN p.id IS NULL THEN 'product_id ' || s.product_id || ' is not a known product.'
                 ELSE 'order_id ' || s.order_id || ' has more than 32767 lines.' END
FROM ingest_item s
LEFT JOIN LATERAL (SELECT * FROM payments_order
    WHERE tenant_id = %(tenant)s AND external_id = s.order_id LIMIT 1) o ON true
LEFT JOIN LATERAL (SELECT * FROM payments_product
    WHERE tenant_id = %(tenant)s AND external_id = s.product_id LIMIT 1) p ON true
LEFT JOIN ingest_order_seen b ON b.order_id = s.order_id
WHERE o.id IS NULL OR p.id IS NULL OR coalesce(b.lines, 0) + s.place > 32767
"""
REMEMBER = """
INSERT INTO ingest_order_seen SELECT order_id, max(places) FROM ingest_item GROUP BY order_id
ON CONFLICT (order_id) DO UPDATE SET lines = ingest_order_seen.lines + excluded.lines
"""


def judge(checked: pl.DataFrame) -> pl.DataFrame:
    """Numbered before bad rows are left out: a line keeps its number when the file is corrected and loaded again."""
    return checked.with_columns(
        pl.int_range(1, pl.len() + 1).over("order_id").alias("place"), pl.len().over("order_id").alias("places")
    ).select(pl.exclude("fault"), "fault")


def load(run: Run, frame: pl.DataFrame) -> Merged:
    stage_frame("ingest_item", STAGE, frame)
    execute(SEEN)
    inserted = execute(INSERT, run.values())
    faults = fetch(FAULTS, run.values()) if inserted < len(frame) else []
    execute(REMEMBER)
    return Merged(inserted, [(n, fault) for n, fault in faults])


def finish(run: Run) -> Finished:
    drop_stages("ingest_order_seen")
    return Finished()


TABLE = Table(
    name="order_items",
    order=90,
    columns=(Column("order_id", kind.text), Column("product_id", kind.text), Column("qty", kind.whole)),
    judge=judge,
    load=load,
    finish=finish,
    model="payments.OrderItem",
)
