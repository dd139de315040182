"""customers.csv → customers. Names and e-mails are not in an export; they stay empty until a profile tells them."""

from __future__ import annotations

import polars as pl
from django.db import connection

from apps.payments.ingestion import columns as kind
from apps.payments.ingestion.columns import Column
from apps.payments.ingestion.frames import stage_frame
from apps.payments.ingestion.staging import Merged, Run, execute
from apps.payments.ingestion.table import Table
from kivendtout.lib.crypto.session import ensure_keys

KEY_TABLE = "customers_customer"
# The birth date is text here: it is encrypted as text, and a text can make no statement fail and be logged.
STAGE = """
    n integer, customer_id text, signup_ts timestamptz, country text, preferred_device text, birthdate text,
    is_minor boolean
"""
# NOT EXISTS first, so that a second load encrypts nothing only to throw it away.
INSERT = """
INSERT INTO customers_customer
    (tenant_id, external_id, birth_date, declared_minor, country, segment, preferred_device, registered_at)
SELECT %(tenant)s::bigint, s.customer_id, kvt_encrypt(s.birthdate, 'customers_customer'), s.is_minor, s.country,
       'regular', coalesce(s.preferred_device, ''), s.signup_ts
FROM ingest_customer s
WHERE NOT EXISTS (SELECT FROM customers_customer c WHERE c.tenant_id = %(tenant)s AND c.external_id = s.customer_id)
ORDER BY s.n
ON CONFLICT (tenant_id, external_id) DO NOTHING
"""


def load(run: Run, frame: pl.DataFrame) -> Merged:
    stage_frame("ingest_customer", STAGE, frame)
    ensure_keys(connection, writing_to=KEY_TABLE)
    return Merged(execute(INSERT, run.values()))


TABLE = Table(
    name="customers",
    order=10,
    columns=(
        Column("customer_id", kind.text),
        Column("signup_ts", kind.moment),
        Column("country", kind.country),
        Column("preferred_device", kind.text, optional=True, limit=16),
        Column("birthdate", kind.day, optional=True),
        Column("is_minor", kind.flag, optional=True),
    ),
    load=load,
    model="customers.Customer",
)
