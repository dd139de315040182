"""customer_profiles.csv (generated sets) → what names a customer, encrypted, and the billing address.

Only a customer without any of it takes it: what a person has corrected since is not overwritten by an older file.
"""

from __future__ import annotations

import polars as pl
from django.db import connection

from apps.payments.ingestion import columns as kind
from apps.payments.ingestion.columns import Column
from apps.payments.ingestion.frames import hashed, stage_frame
from apps.payments.ingestion.staging import Merged, Run, execute, fetch, open_stage
from apps.payments.ingestion.table import Table
from kivendtout.lib.crypto.session import ensure_keys

STAGE = """
    n integer PRIMARY KEY,
    customer_id text, first_name text, last_name text, email text, phone text, street text, city text,
    postal_code text, country text, email_index bytea, phone_index bytea
"""
# By scalar subquery, so that it stays one look into the unique index whatever the planner thinks of a new table:
# as a join it took five milliseconds a row on an empty database.
FIND = """
INSERT INTO ingest_profile_found
SELECT DISTINCT ON (s.customer_id) s.n, (
    SELECT id FROM customers_customer WHERE tenant_id = %(tenant)s AND external_id = s.customer_id), (
    SELECT id FROM customers_customer WHERE tenant_id = %(tenant)s AND external_id = s.customer_id
       AND first_name IS NULL AND last_name IS NULL AND email IS NULL AND phone IS NULL)
FROM ingest_profile s ORDER BY s.customer_id, s.n
"""
FAULTS = """
SELECT s.n, 'customer_id ' || s.customer_id || ' is not a known customer.'
FROM ingest_profile s
WHERE s.customer_id IN (SELECT o.customer_id FROM ingest_profile o JOIN ingest_profile_found f USING (n)
                        WHERE f.customer IS NULL)
"""
ADDRESSES = """
INSERT INTO customers_address (tenant_id, customer_id, kind, street, postal_code, city, country, added_at)
SELECT %(tenant)s::bigint, c.id, 'billing', kvt_encrypt(s.street, 'customers_address'), coalesce(s.postal_code, ''),
       coalesce(s.city, ''), coalesce(s.country, c.country), c.registered_at
FROM ingest_profile_found f
JOIN ingest_profile s USING (n)
JOIN customers_customer c ON c.id = f.customer
WHERE coalesce(s.street, s.city, s.postal_code) IS NOT NULL
  AND (SELECT a.id FROM customers_address a WHERE a.customer_id = f.customer AND a.kind = 'billing' LIMIT 1) IS NULL
ORDER BY c.id
"""
NAMES = """
UPDATE customers_customer c SET
    first_name = kvt_encrypt(s.first_name, 'customers_customer'),
    last_name = kvt_encrypt(s.last_name, 'customers_customer'),
    email = kvt_encrypt(s.email, 'customers_customer'), email_index = s.email_index,
    phone = kvt_encrypt(s.phone, 'customers_customer'), phone_index = s.phone_index
FROM ingest_profile_found f
JOIN ingest_profile s USING (n)
WHERE c.id = f.nameless
  AND coalesce(s.first_name, s.last_name, s.email, s.phone) IS NOT NULL
"""


def prepare(good: pl.DataFrame) -> pl.DataFrame:
    return good.with_columns(
        hashed("customers_customer.email_index", good["email"], normaliser="email").alias("email_index"),
        hashed("customers_customer.phone_index", good["phone"], normaliser="phone").alias("phone_index"),
    )


def load(run: Run, frame: pl.DataFrame) -> Merged:
    stage_frame("ingest_profile", STAGE, frame)
    ensure_keys(connection, writing_to="customers_customer")
    ensure_keys(connection, writing_to="customers_address")
    open_stage("ingest_profile_found", "n integer PRIMARY KEY, customer bigint, nameless bigint")
    execute(FIND, run.values())
    faults = [(n, fault) for n, fault in fetch(FAULTS)]
    execute(ADDRESSES, run.values())
    return Merged(execute(NAMES, run.values()), faults)


TABLE = Table(
    name="customer_profiles",
    order=20,
    required=False,
    columns=(
        Column("customer_id", kind.text),
        Column("first_name", kind.text, optional=True, limit=150),
        Column("last_name", kind.text, optional=True, limit=150),
        Column("email", kind.email, optional=True, limit=254),
        Column("phone", kind.text, optional=True, limit=32),
        Column("street", kind.text, optional=True, limit=200),
        Column("city", kind.text, optional=True, limit=120),
        Column("postal_code", kind.text, optional=True, limit=16),
        Column("country", kind.country, optional=True),
    ),
    prepare=prepare,
    load=load,
    model="customers.Customer",
)
