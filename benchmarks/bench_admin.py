"""How long the admin site takes to answer on five million payments, whole pages, measured inside the process."""

from __future__ import annotations

import os
import time
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client, override_settings

from apps.compliance.models import Tenant, User
from apps.customers.models import Customer
from apps.payments.models import Payment
from benchmarks.bench_partitions import scans, touched
from benchmarks.scratch import fill, scratch_database
from kivendtout.lib.tenancy import tenant_scope

EMAIL = "bench.search@courriel.example"
REPEATS = 15
# Pages name their assets; a benchmark must not ask for `collectstatic` first.
PLAIN = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
PAYMENTS, CUSTOMERS = "/admin/payments/payment/", "/admin/customers/customer/"


def run(payments: int | None = None) -> dict[str, Any]:
    wanted = payments or int(os.environ.get("BENCH_PAYMENTS", "5000000"))
    with scratch_database():
        filled = fill(wanted)
        tenant = Tenant.objects.get(slug="bench")
        client = analyst_of(tenant)
        with tenant_scope(tenant.pk):
            pages = the_pages()
            plans = the_plans()
        with override_settings(STORAGES={**settings.STORAGES, "staticfiles": PLAIN}):
            times = {name: measure(client, url) for name, url in pages.items()}
        return {"filled": filled, "pages": times, "plans": plans}


def analyst_of(tenant: Tenant) -> Client:
    user, _created = User.objects.get_or_create(
        email="analyst@bench.example", defaults={"tenant": tenant, "is_staff": True}
    )
    user.groups.add(Group.objects.get(name="lead"))
    client = Client(headers={"host": "localhost"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def the_pages() -> dict[str, str]:
    customer = Customer.objects.order_by("pk")[777]
    Customer.objects.filter(pk=customer.pk).update(email=EMAIL)
    payment = Payment.objects.filter(customer_id=customer.pk).order_by("-attempted_at")[0]
    number = payment.reference.external_id
    return {
        "payments, first page": PAYMENTS,
        "payments, page 200": f"{PAYMENTS}?p=200",
        "payments, one status": f"{PAYMENTS}?status=failed",
        "payments, a status that no row has": f"{PAYMENTS}?status=charged_back",
        "payments, one month": f"{PAYMENTS}?period=2025-06",
        "payments, one day and one status": f"{PAYMENTS}?period=2025-06-15&status=failed",
        "payments, one currency and country": f"{PAYMENTS}?currency=EUR&country=FR",
        "payments, by payment number": f"{PAYMENTS}?q={number}",
        "payments, by customer number": f"{PAYMENTS}?q={customer.external_id}",
        "payments, by e-mail": f"{PAYMENTS}?q={EMAIL}",
        "payments, nothing found": f"{PAYMENTS}?q=NOSUCHNUMBER",
        "payments, of a customer": f"{PAYMENTS}?customer={customer.pk}",
        "payments, of a device": f"{PAYMENTS}?device={payment.device_id}",
        "one payment": f"{PAYMENTS}{payment.pk}/change/",
        "customers, first page": CUSTOMERS,
        "customers, by the beginning of a number": f"{CUSTOMERS}?q=C123",
        "customers, by e-mail": f"{CUSTOMERS}?q={EMAIL}",
        "one customer": f"{CUSTOMERS}{customer.pk}/change/",
    }


def measure(client: Client, url: str) -> dict[str, Any]:
    """A page that the statement limit cut short answers with a redirect to its latest month: followed, and told."""
    times, redirected = [], False
    for repeat in range(REPEATS + 1):
        start = time.perf_counter()
        answer = client.get(url, follow=True)
        if repeat:  # the first one fills caches and compiles templates
            times.append((time.perf_counter() - start) * 1000)
        assert answer.status_code == 200, (url, answer.status_code)
        redirected = bool(answer.redirect_chain)
    times.sort()
    return {
        "p50_ms": round(times[len(times) // 2], 1),
        "p95_ms": round(times[int(len(times) * 0.95)], 1),
        "narrowed_to_latest_month": redirected,
    }


def the_plans() -> dict[str, Any]:
    """Which partitions the list of a month opens, and those of all dates."""
    rows = Payment.objects.order_by("-attempted_at", "-reference_id")
    month = {"attempted_at__gte": "2025-06-01T00:00Z", "attempted_at__lt": "2025-07-01T00:00Z"}
    return {"one month": plan(rows.filter(**month)[:50]), "all dates": plan(rows[:50])}


def plan(queryset: Any) -> dict[str, Any]:
    sql, params = queryset.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        tree = cursor.fetchone()[0][0]["Plan"]
    return {"partitions": sorted(touched(tree)), "scans": sorted(scans(tree))}
