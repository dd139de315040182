from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from apps.compliance.models import AuditEntry, Tenant
from apps.customers.models import Customer
from apps.payments.models import OrderItem
from kivendtout.lib.tenancy import tenant_scope
from tests.ingestion.conftest import Load, counts_of
from tests.ingestion.dataset import EVENTS, ROWS, row, write_csv, write_dataset, write_events


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
