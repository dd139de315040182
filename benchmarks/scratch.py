"""A database of its own for benchmarks, filled to size once and kept, so that a second run starts at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections, transaction

NAME = "kivendtout_bench"
CUSTOMERS = 50_000
MONTHS = 24  # five million payments spread as a shop of two years would have them
BATCH = 250_000


@contextmanager
def scratch_database(name: str = NAME) -> Iterator[None]:
    """Point the default connection at the benchmark database, made and migrated when it is not there."""
    original = settings.DATABASES["default"]["NAME"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE DATABASE {name}")
    _use(name)
    try:
        call_command("migrate", verbosity=0)
        yield
    finally:
        _use(original)


def _use(name: str) -> None:
    connections["default"].close()
    settings.DATABASES["default"]["NAME"] = name
    connections["default"].settings_dict["NAME"] = name


def fill(payments: int) -> dict[str, Any]:
    """At least that many payments of one tenant, over MONTHS months, made by SQL alone."""
    start = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM payments_paymentreference")
        have = int(cursor.fetchone()[0])
        if have == 0:
            with transaction.atomic():
                _fill_base(cursor)
        made = 0
        while have + made < payments:
            count = min(BATCH, payments - have - made)
            _fill_payments(cursor, have + made, count)
            made += count
            print(f"  {have + made:,} of {payments:,} payments", file=sys.stderr, flush=True)
        if made:
            cursor.execute("ANALYZE")
    seconds = time.perf_counter() - start
    return {
        "payments": have + made,
        "made": made,
        "seconds": round(seconds, 1),
        "per_second": round(made / seconds) if made else None,
    }


def _fill_base(cursor: Any) -> None:
    cursor.execute(
        "INSERT INTO compliance_tenant (slug, name, locale, time_zone, challenge_threshold, deny_threshold,"
        " scorer_weight, rules_alone_threshold, scorer_alone_threshold, alert_policy, created_at)"
        " VALUES ('bench', 'Bench', 'fr', 'Europe/Paris', 0.3, 0.7, 0.7, 0.7, 0.5, 'outcome', now())"
    )
    for month in range(MONTHS):
        cursor.execute(
            "SELECT kvt_ensure_payment_partition((DATE '2024-01-01' + make_interval(months => %s))::date)", [month]
        )
    cursor.execute(
        "INSERT INTO customers_customer (tenant_id, external_id, country, segment, preferred_device, registered_at)"
        " SELECT t.id, 'C' || g, (ARRAY['FR','BE','DE','ES','IT'])[1 + g %% 5], 'regular', '', '2023-12-01'"
        " FROM compliance_tenant t, generate_series(1, %s) g",
        [CUSTOMERS],
    )
    cursor.execute(
        "INSERT INTO customers_device (tenant_id, fingerprint, kind, os, browser, first_seen_at)"
        " SELECT tenant_id, 'dev_' || id, 'ios', 'iOS', 'Safari', registered_at FROM customers_customer"
    )
    cursor.execute(
        "INSERT INTO payments_paymentmethod (tenant_id, customer_id, kind, bin, last_four, issuer_country)"
        " SELECT tenant_id, id, 'card', '497010', lpad((id % 10000)::text, 4, '0'), country FROM customers_customer"
    )


def _fill_payments(cursor: Any, have: int, count: int) -> None:
    cursor.execute(
        """
        WITH base AS (
            SELECT (SELECT id FROM compliance_tenant) AS tenant_id,
                   (SELECT min(id) FROM customers_customer) AS customer0,
                   (SELECT min(id) FROM payments_paymentmethod) AS method0,
                   (SELECT min(id) FROM customers_device) AS device0
        ), made AS (
            INSERT INTO payments_paymentreference (tenant_id, external_id, attempted_at)
            SELECT base.tenant_id, 'PAY' || lpad(g::text, 9, '0'),
                   timestamptz '2024-01-01 00:00+00' + (g * 7919 %% 63072000) * interval '1 second'
              FROM base, generate_series(%s::bigint, %s::bigint) g
            RETURNING id, tenant_id, attempted_at
        )
        INSERT INTO payments_payment (id, tenant_id, attempted_at, customer_id, status_id, initial_status_id, amount,
            currency_id, method_id, device_id, payment_country, ip_hash, failure_code, recorded_by)
        SELECT made.id, made.tenant_id, made.attempted_at, base.customer0 + n.who, n.status, n.status,
               round((5 + made.id %% 400 + 0.99)::numeric, 2), 'EUR', base.method0 + n.who, base.device0 + n.who, 'FR',
               int8send(n.who), '', 'bench'
          FROM made, base, LATERAL (
               SELECT (made.id * 2654435761 %% %s)::bigint AS who,
                      CASE WHEN made.id %% 9 = 0 THEN 'failed' ELSE 'success' END AS status) n
        """,
        [have + 1, have + count, CUSTOMERS],
    )
