"""Plans and times of the queries that read payments, on a table of five million."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from apps.payments.models import Payment
from benchmarks.scratch import fill, scratch_database
from kivendtout.lib.tenancy import tenant_scope

NOON = datetime(2025, 11, 20, 12, tzinfo=UTC)
REPEATS = 50


def run(payments: int | None = None) -> dict[str, Any]:
    wanted = payments or int(os.environ.get("BENCH_PAYMENTS", "5000000"))
    with scratch_database():
        filled = fill(wanted)
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM compliance_tenant")
            tenant_id = cursor.fetchone()[0]
            cursor.execute("SELECT min(id) + 777 FROM customers_customer")
            customer = cursor.fetchone()[0]
        with tenant_scope(tenant_id):
            queries = {name: measure(queryset) for name, queryset in the_queries(customer).items()}
        return {"filled": filled, "queries": queries, "sizes": index_sizes()}


def the_queries(customer: int) -> dict[str, QuerySet[Payment]]:
    month = {"attempted_at__gt": NOON - timedelta(days=30), "attempted_at__lte": NOON}
    one = Payment.objects.filter(customer_id=customer).earliest("attempted_at")
    return {
        "one customer's last 30 days": Payment.objects.filter(customer_id=customer, **month).order_by(),
        "newest 50 of the tenant": Payment.objects.order_by("-attempted_at", "-pk")[:50],
        "next page (keyset)": Payment.objects.filter(attempted_at__lt=NOON).order_by("-attempted_at", "-pk")[:50],
        "by device, 30 days": Payment.objects.filter(device_id=one.device_id, **month).order_by(),
        "by address, 30 days": Payment.objects.filter(ip_hash=one.ip_hash, **month).order_by(),
        "by id and time": Payment.objects.filter(pk=one.pk, attempted_at=one.attempted_at).order_by(),
        "by id alone": Payment.objects.filter(pk=one.pk).order_by(),
        "by payment number": Payment.objects.filter(
            reference__external_id="PAY000000042", reference__tenant_id=one.tenant_id
        ).order_by(),
    }


def measure(queryset: QuerySet[Payment]) -> dict[str, Any]:
    sql, params = queryset.query.sql_with_params()
    times = []
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        plan = cursor.fetchone()[0][0]
        for _repeat in range(REPEATS):
            start = time.perf_counter()
            cursor.execute(sql, params)
            cursor.fetchall()
            times.append((time.perf_counter() - start) * 1000)
    times.sort()
    return {
        "p50_ms": round(times[len(times) // 2], 2),
        "p95_ms": round(times[int(len(times) * 0.95)], 2),
        "partitions": len(touched(plan["Plan"])),
        "scans": sorted(scans(plan["Plan"])),
    }


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(found for child in plan.get("Plans", []) for found in nodes(child))]


def touched(plan: dict[str, Any]) -> set[str]:
    """Partitions that were really read: a merge that stops early never starts the older ones."""
    return {
        node["Relation Name"]
        for node in nodes(plan)
        if node.get("Relation Name", "").startswith("payments_payment_2") and node.get("Actual Loops", 0) > 0
    }


def scans(plan: dict[str, Any]) -> set[str]:
    return {node["Node Type"] for node in nodes(plan) if "Scan" in node["Node Type"]}


def index_sizes() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.relname, pg_size_pretty(sum(pg_relation_size(i.inhrelid))) FROM pg_inherits i "
            "JOIN pg_class p ON p.oid = i.inhparent WHERE p.relname LIKE 'payment%%' GROUP BY 1 ORDER BY 1"
        )
        return dict(cursor.fetchall())
