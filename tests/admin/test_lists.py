"""Lists stay quick: bounded counts, the same few queries whatever the number of rows, periods from two index looks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import OperationalError, connection, transaction

from apps.compliance.admin import limits
from apps.compliance.admin.limits import BoundedPaginator, rounded, statement_limit, took_too_long
from apps.compliance.admin.periods import period_range
from apps.compliance.admin.search import successor
from apps.customers.models import Customer
from apps.payments.models import Payment
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.conftest import ClientOf
from tests.admin.pages import list_url
from tests.admin.sql import statements
from tests.admin.world import SECRETS, WHEN, World, make_payment


def more_payments(world: World, first: int, count: int) -> None:
    with tenant_scope(world.tenant.pk):
        for place in range(first, first + count):
            make_payment(world, f"PAY8{place:06}", at=WHEN - timedelta(hours=place))


def test_the_number_of_queries_does_not_grow_with_the_rows(world: World, client_of: ClientOf) -> None:
    client = client_of("analyst")
    counts: dict[str, list[int]] = {}
    for rows in (10, 60):
        more_payments(world, rows, rows - payments_of(world))
        for url in (list_url(world.payment), f"/admin/customers/customer/{world.customer.pk}/change/"):
            client.get(url)  # content types and the like are remembered from the first visit on
            with statements() as sent:
                assert client.get(url).status_code == 200
            counts.setdefault(url, []).append(len(sent))
    for url, (few, many) in counts.items():
        assert few == many, url
        assert many < 30, url


def payments_of(world: World) -> int:
    with tenant_scope(world.tenant.pk):
        return Payment.objects.count()


def test_no_list_counts_without_bounds(world: World, client_of: ClientOf) -> None:
    client = client_of("administrator")
    for row in (world.payment, world.customer, world.order, world.session, world.device, world.alert, world.change):
        with statements() as sent:
            client.get(list_url(row))
        counting = [sql for sql in sent if "COUNT(*)" in sql]
        assert counting, "the list tells how many there are"
        assert all("LIMIT" in sql for sql in counting), counting
        assert not [sql for sql in sent if "DISTINCT" in sql.upper() or "date_trunc" in sql.lower()]


def test_the_count_stops_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    more_payments(world, 1, 30)
    monkeypatch.setattr(limits, "MOST_COUNTED", 20)
    with tenant_scope(world.tenant.pk):
        rows = Payment.objects.order_by("-attempted_at")
        filtered, whole = BoundedPaginator(rows, 10), BoundedPaginator(rows, 10, filtered=False)
        assert (filtered.count, filtered.num_pages, filtered.label) == (20, 2, "20+")
        assert whole.label.startswith("≈ ")
        assert BoundedPaginator(rows.filter(pk=world.payment.pk), 10).label == "1"


def test_a_count_that_takes_too_long_gives_way_to_the_estimate(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "COUNT_MILLISECONDS", 20)
    with tenant_scope(world.tenant.pk):
        slow = Customer.objects.order_by("pk").extra(where=["(SELECT true FROM pg_sleep(5))"])
        paginator = BoundedPaginator(slow, 10)
        assert paginator.count == limits.MOST_COUNTED
        assert paginator.label.startswith("≈ ")


def test_limits_nest_and_are_lifted(db: None) -> None:
    def limit() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            return str(cursor.fetchone()[0])

    before = limit()
    with statement_limit(4000):
        with statement_limit(1000):
            assert limit() == "1s"
        assert limit() == "4s"
    assert limit() == before
    with (
        pytest.raises(OperationalError) as caught,
        transaction.atomic(),
        statement_limit(10),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT pg_sleep(5)")
    assert took_too_long(caught.value)
    assert limit() == before


def test_a_list_that_takes_too_long_turns_to_the_latest_month(
    world: World, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.payments.admin.payment import PaymentAdmin

    client = client_of("analyst")
    monkeypatch.setattr("apps.compliance.admin.base.LIST_MILLISECONDS", 50)
    monkeypatch.setattr(
        PaymentAdmin, "for_list", lambda self, rows: rows.extra(where=["(SELECT true FROM pg_sleep(1))"])
    )
    answer = client.get("/admin/payments/payment/?status=failed")
    assert answer.status_code == 302
    assert answer["location"] == "/admin/payments/payment/?status=failed&period=2026-01"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026", (date(2026, 1, 1), date(2027, 1, 1))),
        ("2026-12", (date(2026, 12, 1), date(2027, 1, 1))),
        ("2026-02-28", (date(2026, 2, 28), date(2026, 3, 1))),
        ("2026-02-30", None),
        ("0000", None),
        ("9999", None),
        ("2026-1", None),
        ("'; DROP", None),
        ("", None),
    ],
)
def test_periods_are_read(text: str, found: object) -> None:
    assert period_range(text) == found


def test_a_period_opens_only_its_partitions(world: World, client_of: ClientOf) -> None:
    with tenant_scope(world.tenant.pk):
        plan = Payment.objects.filter(attempted_at__gte=WHEN.replace(day=1), attempted_at__lt=WHEN).explain()
    assert "payments_payment_2026_01" in plan
    assert "payments_payment_2025_12" not in plan
    html = client_of("analyst").get("/admin/payments/payment/?period=2026-01").content.decode()
    assert "PAY0000042" in html
    html = client_of("analyst").get("/admin/payments/payment/?period=2025-12").content.decode()
    assert "PAY0000042" not in html


@pytest.mark.parametrize(
    ("text", "after"), [("C0001", "C0002"), ("C0009", "C001"), ("C9", "D"), ("z", None), ("Z9", None), ("a-", "b")]
)
def test_the_end_of_a_prefix_is_found(text: str, after: str | None) -> None:
    assert successor(text) == after


def test_estimates_promise_two_digits() -> None:
    assert [rounded(number) for number in (0, 7, 99, 5_012_345)] == [0, 7, 99, 5_000_000]


# --- search ---------------------------------------------------------------------------------------------------------
def found(html: str, world: World) -> bool:
    return f"/admin/customers/customer/{world.customer.pk}/change/" in html


@pytest.mark.parametrize(
    ("term", "hit"),
    [
        ("C000", True),
        ("C00042", True),
        ("C00043", False),
        ("c000", False),
        (SECRETS["email"], True),
        (SECRETS["email"].upper(), True),
        ("zenobie", False),
        (SECRETS["phone"], True),
        ("0033655443322", True),
        ("C%", False),
        ("C_0042", False),
        ("\x00", True),
    ],
)
def test_customers_are_searched_exactly(term: str, hit: bool, world: World, client_of: ClientOf) -> None:
    html = client_of("analyst").get("/admin/customers/customer/", {"q": term}).content.decode()
    assert found(html, world) is hit


@pytest.mark.parametrize("term", ["PAY0000042", "C00042", SECRETS["email"], SECRETS["phone"]])
def test_payments_are_found_by_what_names_them(term: str, world: World, client_of: ClientOf) -> None:
    client = client_of("analyst")
    assert "PAY0000042" in client.get("/admin/payments/payment/", {"q": term}).content.decode()
    assert "PAY0000042" not in client.get("/admin/payments/payment/", {"q": f"{term}0"}).content.decode().replace(
        term, ""
    )


def test_devices_are_found_by_fingerprint(world: World, client_of: ClientOf) -> None:
    client, url = client_of("read_only"), f"/admin/customers/device/{world.device.pk}/change/"
    assert url in client.get("/admin/customers/device/", {"q": SECRETS["fingerprint"]}).content.decode()
    assert url not in client.get("/admin/customers/device/", {"q": "dev_dead"}).content.decode()


def test_the_search_form_puts_no_address_in_the_url(world: World, client_of: ClientOf) -> None:
    client = client_of("analyst")
    answer = client.post("/admin/payments/payment/find/", {"q": SECRETS["email"], "status": "success"})
    assert answer["location"] == "/admin/payments/payment/?status=success&q=C00042"
    nobody = client.post("/admin/payments/payment/find/", {"q": "nobody@courriel.example"})
    assert nobody["location"] == "/admin/payments/payment/"
    assert client.get("/admin/payments/payment/find/").status_code == 405
    assert client_of("developer").post("/admin/payments/payment/find/", {"q": "C00042"}).status_code == 403


def test_filters_take_what_they_know_and_nothing_else(world: World, client_of: ClientOf) -> None:
    client, url = client_of("analyst"), "/admin/payments/payment/"
    for query in ("status=success", "method_kind=card", "currency=EUR", "country=FR", f"customer={world.customer.pk}"):
        assert "PAY0000042" in client.get(f"{url}?{query}").content.decode(), query
    for query in ("status=failed", "method_kind=paypal", "country=DE", "customer=999999999", "customer=x", "device=-1"):
        assert "PAY0000042" not in client.get(f"{url}?{query}").content.decode(), query
    for query in ("p=99999", "p=x", "o=1.2", "o=x", "period=2026-99", "all=1", "status=%00"):
        assert client.get(f"{url}?{query}").status_code in {200, 302}, query
