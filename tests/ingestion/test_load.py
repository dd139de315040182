from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from apps.compliance.models import AuditEntry, Tenant
from apps.customers.models import Address, Customer, Device, WebSession
from apps.fraud.models import FraudAlert, FraudLabel
from apps.payments.dataset import DatasetOptions, generate
from apps.payments.ingestion.registry import all_tables
from apps.payments.models import Order, OrderItem, Payment, PaymentMethod, Product
from kivendtout.lib.documents import document_store
from kivendtout.lib.tenancy import tenant_scope
from tests.ingestion.dataset import EVENTS, ROWS, row, write_csv, write_dataset, write_events

REAL_EXPORT = Path(settings.BASE_DIR).parent / "shared" / "data" / "kivendtout"
Load = Callable[..., dict[str, Any]]


@pytest.fixture
def load(tenant: Tenant, tmp_path: Path) -> Load:
    def run(folder: Path, *options: str) -> dict[str, Any]:
        out = StringIO()
        call_command(
            "load_dataset", str(folder), "--json", "--rejects", str(tmp_path / "rejects.csv"), *options,
            verbosity=0, stdout=out,
        )  # fmt: skip
        report: dict[str, Any] = json.loads(out.getvalue())
        for counts in report["tables"].values():
            assert counts["loaded"] + counts["already"] + counts["rejected"] == counts["rows"]
        return report

    return run


@pytest.fixture
def rejects(tmp_path: Path) -> Callable[[], list[dict[str, str]]]:
    def read() -> list[dict[str, str]]:
        with (tmp_path / "rejects.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return read


def counts_of(report: dict[str, Any], name: str) -> tuple[int, int, int]:
    table = report["tables"][name]
    return table["loaded"], table["already"], table["rejected"]


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


# --- what is not ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("table", "changed", "said"),
    [
        ("customers", {"signup_ts": "2025-02-30 10:00:00"}, "signup_ts is not a date and time like"),
        ("customers", {"country": "France"}, "country is not the two capital letters of a country, like FR."),
        ("customers", {"birthdate": "13/05/1980"}, "birthdate is not a date like 1973-09-15."),
        ("customers", {"customer_id": ""}, "customer_id is empty."),
        ("customers", {"customer_id": "x" * 65}, "customer_id is longer than 64 characters"),
        ("customers", {"is_minor": "maybe"}, "is_minor is neither 0 nor 1."),
        ("products", {"unit_price": "-1"}, "unit_price is not an amount"),
        ("sessions", {"customer_id": "C9"}, "customer_id C9 is not a known customer."),
        ("sessions", {"end_ts": "2025-10-01 00:00:00"}, "end_ts lies before start_ts."),
        ("sessions", {"device": "fridge"}, "device is none of: web_desktop, web_mobile, ios, android."),
        ("payments", {"amount": "12.345"}, "amount 12.345 has more decimals than EUR has."),
        ("payments", {"amount": "1e5"}, "amount is not an amount"),
        ("payments", {"card_bin": "49"}, "card_bin is not the first six or eight digits of a card."),
        ("payments", {"customer_id": "C9"}, "customer_id C9 is not a known customer. Load the customer first."),
        ("payments", {"session_id": "S2"}, "session_id S2 belongs to another customer."),
        ("payments", {"device_id": "4111 1111 1111 1111"}, "device_id holds what looks like a card number."),
        ("orders", {"payment_id": "PAY9"}, "payment_id PAY9 is not a known payment."),
        ("orders", {"status": "lost"}, "status is none of: pending, paid"),
        ("order_items", {"product_id": "P9"}, "product_id P9 is not a known product."),
        ("order_items", {"order_id": "O9"}, "order_id O9 is not a known order."),
        ("order_items", {"qty": "0"}, "qty is not a whole number from 1 to 1000000."),
        ("fraud_alerts", {"payment_id": "PAY9"}, "payment_id PAY9 is not a known payment."),
    ],
)
def test_a_bad_row_is_left_out_with_its_reason(
    load: Load, rejects: Any, tmp_path: Path, table: str, changed: dict[str, str], said: str
) -> None:
    key = next(iter(ROWS[table][0]))
    bad = row(table, 0, **({} if table == "order_items" else {key: "NEW"}) | changed)
    folder = write_dataset(tmp_path / "export", **{table: [*ROWS[table], bad]})

    report = load(folder)

    assert counts_of(report, table) == (len(ROWS[table]), 0, 1)
    [reject] = rejects()
    assert (reject["file"], int(reject["line"])) == (f"{table}.csv", len(ROWS[table]) + 2)
    assert reject["reason"].startswith(said)
    assert "4111 1111" not in reject["row"] and next(csv.reader([reject["row"]]))


def test_lines_that_are_no_rows_are_told_by_line(load: Load, rejects: Any, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")
    with (folder / "customers.csv").open("ab") as file:
        file.write(b"C3,2025-11-01 10:00:00,FR\n\nC4,2025-11-01 10:00:00,FR,ios,1980-01-01,\xff\n")

    report = load(folder)

    assert counts_of(report, "customers") == (2, 0, 2)
    told = {int(one["line"]): one["reason"] for one in rejects()}
    assert told[4] == "The line has 3 fields and the header has 6."
    assert told[6] == "The line is not UTF-8. Export it again in that encoding."


def test_events_that_are_no_json_are_told_by_line(load: Load, rejects: Any, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")
    write_events(folder)
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"event_id": \n{"event_id": "e9", "ts": "soon", "event_type": "search"}\n')

    report = load(folder)

    assert counts_of(report, "events") == (len(EVENTS), 0, 2)
    assert [int(one["line"]) for one in rejects()] == [5, 6]


def test_the_same_row_twice_is_loaded_once(load: Load, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export", customers=[*ROWS["customers"], row("customers")])

    assert counts_of(load(folder), "customers") == (2, 1, 0)


def test_a_corrected_file_adds_only_what_was_missing(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    items = ROWS["order_items"]
    folder = write_dataset(tmp_path / "export", order_items=[{**items[0], "qty": "x"}, *items[1:]])
    assert counts_of(load(folder), "order_items") == (2, 0, 1)

    write_dataset(folder)

    assert counts_of(load(folder), "order_items") == (1, 2, 0)
    with tenant_scope(tenant.pk):
        assert list(OrderItem.objects.order_by("line").values_list("line", flat=True)) == [1, 2, 3]


def test_a_row_that_only_the_database_refuses_is_found(
    load: Load, rejects: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check of ours that is too kind must not cost the rows around it."""
    from apps.payments.ingestion import columns

    monkeypatch.setattr(columns, "CONTROL", r"[\x08]")
    folder = write_dataset(tmp_path / "export")
    (folder / "products.csv").write_bytes((folder / "products.csv").read_bytes().replace(b"Lamp", b"La\0mp"))

    report = load(folder)

    assert counts_of(report, "products") == (1, 0, 1)
    assert "The database refused the row" in next(one["reason"] for one in rejects() if one["file"] == "products.csv")


def test_the_rejects_file_is_private_and_of_this_load_only(load: Load, rejects: Any, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export", customers=[*ROWS["customers"], row("customers", 0, customer_id="")])

    load(folder)

    assert (tmp_path / "rejects.csv").stat().st_mode & 0o777 == 0o600
    load(write_dataset(tmp_path / "export"))
    assert not (tmp_path / "rejects.csv").exists()


# --- what cannot be loaded at all ---------------------------------------------------------------------------------------
def refused(load: Load, folder: Path) -> str:
    with pytest.raises(CommandError) as error:
        load(folder)
    assert not Tenant.objects.get().pk or not AuditEntry.objects.filter(object_repr__startswith="load").exists()
    return str(error.value)


def test_a_missing_file_is_one_sentence_and_nothing_is_loaded(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")
    (folder / "payments.csv").unlink()

    assert refused(load, folder) == f"{folder} lacks payments.csv (or the same as .parquet). Nothing was loaded."
    with tenant_scope(tenant.pk):
        assert not Customer.objects.exists()


def test_a_missing_column_is_one_sentence_and_nothing_is_loaded(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")
    rows = [{k: v for k, v in one.items() if k != "amount"} for one in ROWS["payments"]]
    write_csv(folder / "payments.csv", rows, list(rows[0]))

    assert refused(load, folder) == "payments.csv lacks the column amount. Nothing was loaded."
    with tenant_scope(tenant.pk):
        assert not Customer.objects.exists()


def test_an_empty_file_a_strange_file_and_no_folder_are_sentences(load: Load, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")
    (folder / "orders.csv").write_text("")
    assert refused(load, folder).startswith("orders.csv lacks the columns order_id, customer_id")
    write_dataset(folder)
    (folder / "events.parquet").write_bytes(b"PAR1 not really")
    assert refused(load, folder).startswith("events.parquet is not a Parquet file that can be read")
    assert "is not a folder" in refused(load, tmp_path / "nowhere")


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
