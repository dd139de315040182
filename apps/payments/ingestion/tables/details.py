"""payment_details.csv (generated sets): what the export's payments.csv has no room for. Kept aside until the payments
come, which take it along; so it is read before them.
"""

from __future__ import annotations

import polars as pl

from apps.payments.events import MINOR_UNITS
from apps.payments.ingestion import columns as kind
from apps.payments.ingestion.columns import Column
from apps.payments.ingestion.frames import hashed, stage_frame
from apps.payments.ingestion.staging import Merged, Run, drop_stages, execute, fetch
from apps.payments.ingestion.table import Finished, Table
from apps.payments.ingestion.tables.sessions import DEVICE_KINDS

STAGE = "ingest_detail"
STAGE_COLUMNS = """
    n integer, payment_id text, merchant_id text, last4 text, card_fingerprint bytea, issuer_country text,
    currency text, device_kind text, os text, browser text, failure_code text,
    ip_country text, billing_country text, cart_at timestamptz, basket_size integer, adult_restricted boolean
"""
ORPHANS = """
SELECT n, payment_id, 'payment_id ' || payment_id || ' is not a known payment.'
FROM ingest_detail d
WHERE NOT EXISTS (
    SELECT FROM payments_paymentreference r WHERE r.tenant_id = %(tenant)s AND r.external_id = d.payment_id)
ORDER BY n
"""


def prepare(good: pl.DataFrame) -> pl.DataFrame:
    return good.with_columns(
        hashed("card", good["card_fingerprint"]).alias("card_fingerprint"),
        device_kind(pl.col("device_kind"), pl.col("os"), pl.col("browser")).alias("device_kind"),
    )


def device_kind(told: pl.Expr, system: pl.Expr, browser: pl.Expr) -> pl.Expr:
    """A generated set says mobile or desktop; with the system and the browser that makes one of our four kinds."""
    app = browser == "App"
    return (
        pl.when(told == "desktop").then(pl.lit("web_desktop"))
        .when((told == "mobile") & app & system.str.starts_with("iOS")).then(pl.lit("ios"))
        .when((told == "mobile") & app).then(pl.lit("android"))
        .when(told == "mobile").then(pl.lit("web_mobile"))
        .otherwise(told)
    )  # fmt: skip


def load(run: Run, frame: pl.DataFrame) -> Merged:
    stage_frame(STAGE, STAGE_COLUMNS, frame, keep=True)
    return Merged()


def ready(run: Run) -> None:
    """Before the payments that will look each of theirs up."""
    execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {STAGE} ({STAGE_COLUMNS}) ON COMMIT PRESERVE ROWS")
    execute("CREATE INDEX IF NOT EXISTS ingest_detail_payment ON ingest_detail (payment_id)")
    execute("ANALYZE ingest_detail")


def finish(run: Run) -> Finished:
    rows = fetch(ORPHANS, run.values())
    drop_stages(STAGE)
    return Finished(run.counted["details"], [(line, [payment], fault) for line, payment, fault in rows])


TABLE = Table(
    name="payment_details",
    order=60,
    required=False,
    columns=(
        Column("payment_id", kind.text),
        Column("merchant_id", kind.text, optional=True),
        Column("last4", kind.four_digits, optional=True),
        Column("card_fingerprint", kind.text, optional=True, limit=128),
        Column("issuer_country", kind.country, optional=True),
        Column("currency", kind.choice, optional=True, choices=tuple(MINOR_UNITS)),
        Column("device_kind", kind.choice, optional=True, choices=("mobile", "desktop", *DEVICE_KINDS)),
        Column("os", kind.text, optional=True, limit=32),
        Column("browser", kind.text, optional=True, limit=32),
        Column("failure_code", kind.text, optional=True, limit=32),
        Column("ip_country", kind.country, optional=True, later=True),
        Column("billing_country", kind.country, optional=True, later=True),
        Column("cart_at", kind.moment, optional=True, later=True),
        Column("basket_size", kind.count, optional=True, later=True),
        Column("adult_restricted", kind.flag, optional=True, later=True),
    ),
    prepare=prepare,
    load=load,
    finish=finish,
    model="payments.Payment",
)
