from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from django.conf import settings
from django.db import connection

from apps.compliance.models import AuditEntry, Tenant
from apps.customers.models import Address, Customer, Device, WebSession
from apps.fraud.models import FraudAlert, FraudLabel
from apps.payments.dataset import DatasetOptions, generate
from apps.payments.ingestion.registry import all_tables
from apps.payments.models import Order, OrderItem, Payment, PaymentMethod, Product
from kivendtout.lib.documents import document_store
from kivendtout.lib.tenancy import tenant_scope
from tests.ingestion.conftest import Load, counts_of
from tests.ingestion.dataset import DETAILS_SINCE, EVENTS, ROWS, detail, row, write_csv, write_dataset, write_events

REAL_EXPORT = Path(settings.BASE_DIR).parent / "shared" / "data" / "kivendtout"


# --- what is loaded ---------------------------------------------------------------------------------------------------
def test_an_export_is_loaded_whole(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")
    write_events(folder)

    report = load(folder)

    expected = {name: len(rows) for name, rows in ROWS.items()} | {"events": len(EVENTS)}
    assert {name: counts["loaded"] for name, counts in report["tables"].items()} == expected
    assert report["rejects_file"] is None and not (tmp_path / "rejects.csv").exists()
    with tenant_scope(tenant.pk):
        customer = Customer.objects.get(external_id="C1")
        assert (str(customer.birth_date), customer.country, customer.declared_minor) == ("1980-02-29", "FR", False)
        assert (customer.first_name, customer.email, customer.email_index) == (None, None, None)
        payment = Payment.objects.select_related("device", "session", "method").get(reference__external_id="PAY2")
        assert (payment.status_id, str(payment.amount), payment.currency_id) == ("failed", "58.500", "EUR")
        assert payment.attempted_at == datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
        assert payment.session and payment.session.external_id == "S2"
        assert payment.device and payment.device.kind == "ios"  # the first payment's session told it
        assert Product.objects.get(external_id="P2").adult_restricted is True
        assert Order.objects.get().payment.external_id == "PAY1"


def test_a_second_load_finds_everything_there(load: Load, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")
    write_events(folder)
    load(folder)

    again = load(folder)

    assert all(counts["already"] == counts["rows"] for counts in again["tables"].values())


def test_small_batches_give_the_same_rows(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")

    load(folder, "--batch", "1")

    with tenant_scope(tenant.pk):
        assert (Payment.objects.count(), Device.objects.count(), PaymentMethod.objects.count()) == (2, 1, 2)
        lines = OrderItem.objects.order_by("line").values_list("line", "product__external_id", "quantity", "unit_price")
        assert [(line, product, quantity, str(price)) for line, product, quantity, price in lines] == [
            (1, "P1", 1, "16.690"), (2, "P2", 2, "15.000"), (3, "P1", 1, "16.690"),
        ]  # fmt: skip


def test_parquet_files_are_loaded_like_csv_files(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    source, folder = write_dataset(tmp_path / "csv"), tmp_path / "parquet"
    folder.mkdir()
    for path in source.glob("*.csv"):
        # With types: dates and times, floats, integers.
        pl.read_csv(path, try_parse_dates=True).write_parquet(folder / f"{path.stem}.parquet")
    pl.DataFrame(EVENTS).write_parquet(folder / "events.parquet")

    report = load(folder)

    assert all(counts["loaded"] == counts["rows"] for counts in report["tables"].values())
    with tenant_scope(tenant.pk):
        assert str(Payment.objects.get(reference__external_id="PAY2").amount) == "58.500"
        assert str(Customer.objects.get(external_id="C2").birth_date) == "2012-05-01"


def test_what_visitors_did_becomes_documents(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")
    write_events(folder)

    load(folder)

    document = document_store().get("events", tenant.pk, "e2")
    assert document is not None
    assert (document["type"], document["customer_id"], document["product_id"]) == ("add_to_cart", "C1", "P1")
    assert document["cart_value"] == "101.9" and document["ip_hash"] != "7f19717dd0b54b37"
    assert document["at"] == datetime(2025, 11, 11, 9, 50, 30, 594000, tzinfo=UTC)


def test_alerts_and_labels_say_how_it_ended(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    fraud = row("payments", 0, payment_id="PAY3", is_fraud_label="1")
    folder = write_dataset(tmp_path / "export", payments=[*ROWS["payments"], fraud])

    load(folder)

    with tenant_scope(tenant.pk):
        alert = FraudAlert.objects.get()
        assert (alert.external_id, alert.rule, alert.severity, alert.status) == (
            "AL1",
            "high_amount",
            "MEDIUM",
            "BLOCKED",
        )
        labels = {one.payment.external_id: one for one in FraudLabel.objects.select_related("payment")}
        assert labels.keys() == {"PAY2", "PAY3"}
        assert labels["PAY2"].known_at == alert.raised_at  # it has an alert
        assert labels["PAY3"].known_at == datetime(2025, 11, 11, 9, 51, 23, tzinfo=UTC) + timedelta(days=30)
        assert {one.source for one in labels.values()} == {"export"}


def test_a_file_of_labels_stands_above_the_flag(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")
    label = {"payment_id": "PAY2", "customer_id": "C2", "pattern": "card_testing", "label_ts": "2026-01-09 10:00:00",
             "is_fraud": "0"}  # fmt: skip
    write_csv(folder / "fraud_labels.csv", [label], list(label))

    load(folder)

    with tenant_scope(tenant.pk):
        found = FraudLabel.objects.get()
        assert (found.is_fraud, found.pattern, found.known_at) == (
            False, "card_testing", datetime(2026, 1, 9, 10, tzinfo=UTC),
        )  # fmt: skip


def test_a_generated_set_brings_names_cards_and_merchants(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    folder = tmp_path / "generated"
    generate(DatasetOptions(out=folder, customers=40, workers=1), progress=lambda _line: None)

    report = load(folder)

    assert set(report["tables"]) == {table.name for table in all_tables()}
    assert all(counts["loaded"] == counts["rows"] for counts in report["tables"].values())
    with tenant_scope(tenant.pk):
        first = pl.read_csv(folder / "customer_profiles.csv").row(0, named=True)
        customer = Customer.objects.get(email_index__matches=first["email"].upper())
        assert (customer.external_id, customer.last_name, customer.phone) == (
            first["customer_id"], first["last_name"], first["phone"],
        )  # fmt: skip
        assert Address.objects.get(customer=customer).street == first["street"]
        detail = pl.read_csv(folder / "payment_details.csv", infer_schema=False).row(0, named=True)
        payment = Payment.objects.select_related("method", "merchant").get(reference__external_id=detail["payment_id"])
        assert payment.merchant and payment.merchant.external_id == detail["merchant_id"]
        assert payment.method.last_four == detail["last4"] and len(bytes(payment.method.number_hash)) == 18


def test_a_generated_set_brings_what_was_told_beside_the_payment(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    folder = tmp_path / "generated"
    generate(DatasetOptions(out=folder, customers=40, workers=1), progress=lambda _line: None)
    load(folder)

    details = pl.read_csv(folder / "payment_details.csv", try_parse_dates=True)

    names = ["ip_country", "billing_country", "cart_at", "basket_size", "adult_restricted"]
    told = details.with_columns(
        pl.col("cart_at").dt.replace_time_zone("UTC"), pl.col("adult_restricted").cast(pl.Boolean)
    )
    with tenant_scope(tenant.pk):
        rows = Payment.objects.values_list("reference__external_id", *names)
        assert sorted(rows) == sorted(told.select("payment_id", *names).iter_rows())


def test_details_of_before_these_facts_still_load(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    folder = tmp_path / "generated"
    generate(DatasetOptions(out=folder, customers=40, workers=1), progress=lambda _line: None)
    path = folder / "payment_details.csv"
    pl.read_csv(path, infer_schema=False).select(pl.all().exclude(DETAILS_SINCE)).write_csv(path)

    report = load(folder)

    assert report["tables"]["payment_details"]["loaded"] == report["tables"]["payment_details"]["rows"]
    with tenant_scope(tenant.pk):
        assert not Payment.objects.exclude(cart_at=None, basket_size=None, adult_restricted=None).exists()
        assert not Payment.objects.exclude(ip_country="", billing_country="").exists()


def test_a_cart_after_its_payment_is_refused(
    load: Load, rejects: Callable[[], list[dict[str, str]]], tmp_path: Path
) -> None:
    folder = write_dataset(tmp_path / "export")
    told = detail(payment_id="PAY1", cart_at="2025-11-11 09:51:24"), detail(payment_id="PAY2", basket_size="0")
    write_csv(folder / "payment_details.csv", list(told), list(told[0]))

    report = load(folder)

    assert counts_of(report, "payments") == (1, 0, 1)
    assert [row["reason"] for row in rejects() if row["file"] == "payments.csv"] == [
        "cart_at lies after the payment. Correct it in payment_details, or leave it empty."
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ip_country": "fr"}, "ip_country is not the two capital letters of a country, like FR."),
        ({"billing_country": "FRA"}, "billing_country is not the two capital letters of a country, like FR."),
        ({"cart_at": "soon"}, "cart_at is not a date and time like"),
        ({"basket_size": "-1"}, "basket_size is not a whole number from 0 to 1000000."),
        ({"basket_size": "1000001"}, "basket_size is not a whole number from 0 to 1000000."),
        ({"adult_restricted": "perhaps"}, "adult_restricted is neither 0 nor 1."),
    ],
)
def test_a_detail_that_cannot_be_is_refused(
    load: Load, rejects: Callable[[], list[dict[str, str]]], tmp_path: Path, wrong: dict[str, str], said: str
) -> None:
    folder = write_dataset(tmp_path / "export")
    told = detail(payment_id="PAY1", **wrong)
    write_csv(folder / "payment_details.csv", [told], list(told))

    report = load(folder)

    assert counts_of(report, "payment_details") == (0, 0, 1)
    assert rejects()[0]["reason"].startswith(said)


def test_profiles_do_not_overwrite_what_a_person_corrected(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")
    load(folder)
    with tenant_scope(tenant.pk):
        Customer.objects.filter(external_id="C1").update(last_name="Corrected")
    profile = {"customer_id": "C1", "first_name": "A", "last_name": "B", "email": "a@example.org", "phone": "",
               "street": "1 rue X", "city": "Lille", "postal_code": "59000", "country": "FR"}  # fmt: skip
    write_csv(folder / "customer_profiles.csv", [profile], list(profile))

    report = load(folder)

    assert counts_of(report, "customer_profiles") == (0, 1, 0)
    with tenant_scope(tenant.pk):
        assert Customer.objects.get(external_id="C1").last_name == "Corrected"


def test_personal_data_stands_encrypted_in_the_table(load: Load, tmp_path: Path) -> None:
    load(write_dataset(tmp_path / "export"))

    with connection.cursor() as cursor:
        cursor.execute("SELECT birth_date FROM customers_customer")
        assert all(bytes(value)[0] == 1 and b"1980" not in bytes(value) for (value,) in cursor.fetchall())


def test_another_tenant_sees_none_of_it(load: Load, neighbour: Tenant, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")
    load(folder)

    with tenant_scope(neighbour.pk):
        assert not any(model.objects.exists() for model in (Customer, WebSession, Device, Payment, Order, FraudLabel))

    assert all(c["loaded"] == c["rows"] for c in load(folder, "--tenant", neighbour.slug)["tables"].values())


def test_a_tenant_that_is_not_there_is_made(load: Load, tmp_path: Path) -> None:
    load(write_dataset(tmp_path / "export"), "--tenant", "nouveau")

    assert Tenant.objects.get(slug="nouveau").name == "Nouveau"


def test_a_load_leaves_one_audit_entry_a_file(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    load(write_dataset(tmp_path / "export"))

    entries = AuditEntry.objects.filter(object_repr__startswith="load_dataset")
    assert entries.count() == len(ROWS)
    entry = entries.get(object_repr="load_dataset: payments")
    assert entry.tenant_id == tenant.pk
    assert entry.additional_data["loaded"] == 2 and entry.additional_data["folder"] == "export"


# --- the users' own export --------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.skipif(not REAL_EXPORT.is_dir(), reason="the real export is not beside this project (../shared/data)")
def test_the_real_export_is_accounted_for_row_by_row(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    folder = tmp_path / "real"
    folder.mkdir()
    for path in [*REAL_EXPORT.glob("*.csv"), REAL_EXPORT / "events.parquet"]:
        (folder / path.name).symlink_to(path)

    report = load(folder)

    assert {name: tuple(counts.values()) for name, counts in report["tables"].items()} == {
        "customers": (2500, 2500, 0, 0),
        "products": (200, 200, 0, 0),
        "sessions": (4416, 4416, 0, 0),
        "payments": (855, 855, 0, 0),
        "orders": (695, 695, 0, 0),
        "order_items": (1423, 1423, 0, 0),
        "fraud_alerts": (13, 13, 0, 0),
        "events": (52585, 52585, 0, 0),
    }
    with tenant_scope(tenant.pk):
        assert FraudLabel.objects.filter(is_fraud=True).count() == 13
        assert Order.objects.filter(payment=None).count() == 0
    shutil.rmtree(folder)
