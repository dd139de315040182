"""The files: complete, consistent with each other, reproducible, and free of card numbers."""

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from apps.payments.dataset import DatasetOptions, Summary, generate
from apps.payments.dataset.files import digest
from apps.payments.dataset.options import BLOCK_CUSTOMERS
from apps.payments.dataset.patterns import PATTERN_NAMES
from apps.payments.dataset.schema import COLUMNS

COUNTRIES = {"FR", "BE", "DE", "ES", "IT", "PT", "NL", "GB", "CH", "LU"}
Read = Callable[[str], pl.DataFrame]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    """The default data set: what a demo shows."""
    out = tmp_path_factory.mktemp("generated") / "set"
    return out, generate(DatasetOptions(out))


@pytest.fixture(scope="module")
def read(made: tuple[Path, Summary]) -> Read:
    folder, _ = made
    cache: dict[str, pl.DataFrame] = {}

    def load(table: str) -> pl.DataFrame:
        if table not in cache:
            path = folder / f"{table}.csv"
            text = {"last4": pl.String, "postal_code": pl.String, "phone": pl.String}
            if table == "events":
                cache[table] = pl.read_ndjson(folder / "events.jsonl")
            else:
                cache[table] = pl.read_csv(path, schema_overrides=text)
        return cache[table]

    return load


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _small(out: Path, **changes: object) -> dict[str, bytes]:
    given = {"customers": 300, "end": date(2025, 11, 30), "workers": 1} | changes
    generate(DatasetOptions(out, **given))  # type: ignore[arg-type]  # the values come from the test
    return _bytes(out)


def test_it_writes_every_file_with_the_columns_of_the_export(made: tuple[Path, Summary], read: Read) -> None:
    folder, _ = made
    for table, columns in COLUMNS.items():
        assert tuple(read(table).columns) == columns
    assert len(list(folder.iterdir())) == len(COLUMNS) + 1


def test_the_manifest_tells_rows_frauds_and_checksums(made: tuple[Path, Summary], read: Read) -> None:
    folder, summary = made
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest == summary.manifest
    assert (manifest["seed"], manifest["customers"]) == (42, 2_500)
    assert (manifest["start"], manifest["end"]) == ("2025-11-01", "2026-01-31")
    for name, told in manifest["files"].items():
        assert told["rows"] == len(read(Path(name).stem))
        assert told["sha256"] == digest(folder / name)
    frauds = read("fraud_labels").filter(is_fraud=1)["pattern"].value_counts()
    assert manifest["frauds"] == dict(frauds.iter_rows())
    assert set(manifest["frauds"]) == set(PATTERN_NAMES)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    first = _small(tmp_path / "a")
    assert _small(tmp_path / "b") == first
    other = _small(tmp_path / "c", seed=43)
    grown = {name for name in first if name not in ("products.csv", "merchants.csv")}
    assert all(other[name] != first[name] for name in grown)


def test_the_number_of_processes_does_not_change_a_byte(tmp_path: Path) -> None:
    short = {"customers": 2 * BLOCK_CUSTOMERS + 100, "end": date(2025, 11, 5)}
    assert _small(tmp_path / "two", **short, workers=2) == _small(tmp_path / "one", **short, workers=1)


def test_parquet_holds_the_same_rows_as_csv(tmp_path: Path) -> None:
    _small(tmp_path / "csv")
    _small(tmp_path / "parquet", file_format="parquet")
    for table in ("payments", "customers", "orders"):
        csv = pl.read_csv(tmp_path / "csv" / f"{table}.csv")
        assert pl.read_parquet(tmp_path / "parquet" / f"{table}.parquet").equals(csv.cast(csv.schema), null_equal=True)
    events = pl.read_ndjson(tmp_path / "csv" / "events.jsonl")
    assert pl.read_parquet(tmp_path / "parquet" / "events.parquet").equals(events)


def test_numbers_run_on_without_gaps(read: Read) -> None:
    for table, column, prefix, width in [
        ("customers", "customer_id", "C", 5),
        ("sessions", "session_id", "S", 6),
        ("payments", "payment_id", "PAY", 7),
        ("orders", "order_id", "O", 7),
    ]:
        values = read(table)[column].to_list()
        assert values == [f"{prefix}{i:0{width}}" for i in range(1, len(values) + 1)]


def test_every_time_is_utc_to_the_second_and_inside_the_period(read: Read) -> None:
    for table, column in [
        ("sessions", "start_ts"),
        ("sessions", "end_ts"),
        ("payments", "attempt_ts"),
        ("events", "ts"),
    ]:
        times = read(table)[column]
        assert times.str.contains(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$").all()
        assert times.min() >= "2025-11-01 00:00:00"  # type: ignore[operator]  # text
        assert times.max() <= "2026-01-31 23:59:59"  # type: ignore[operator]  # text


def test_files_are_in_the_order_of_time(read: Read) -> None:
    assert read("sessions")["start_ts"].is_sorted()
    assert read("payments")["attempt_ts"].is_sorted()
    assert read("events")["ts"].is_sorted()


def test_payments_happen_inside_their_session_on_its_network(read: Read) -> None:
    sessions = read("sessions").select("session_id", "customer_id", "start_ts", "end_ts", "ip_hash")
    joined = read("payments").join(sessions, on="session_id", suffix="_of_session")
    assert len(joined) == len(read("payments"))
    assert (joined["attempt_ts"] >= joined["start_ts"]).all()
    assert (joined["attempt_ts"] <= joined["end_ts"]).all()
    assert (joined["customer_id"] == joined["customer_id_of_session"]).all()
    assert (joined["ip_hash"] == joined["ip_hash_of_session"]).all()


def test_events_stay_inside_their_session_and_every_session_has_some(read: Read) -> None:
    joined = read("events").join(read("sessions").select("session_id", "start_ts", "end_ts"), on="session_id")
    assert len(joined) == len(read("events"))
    assert ((joined["ts"] >= joined["start_ts"]) & (joined["ts"] <= joined["end_ts"])).all()
    assert joined["session_id"].n_unique() == len(read("sessions"))
    assert joined["event_id"].n_unique() == len(joined)


def test_each_payment_has_its_trail_of_events(read: Read) -> None:
    events, payments = read("events"), read("payments")
    for kind, expected in [
        ("payment_attempt", payments),
        ("payment_success", payments.filter(result="success")),
        ("payment_failed", payments.filter(result="failed")),
    ]:
        seen = events.filter(event_type=kind)
        assert set(seen["payment_id"]) == set(expected["payment_id"])
        assert len(seen) == len(expected)
    before = events.filter(pl.col("event_type").is_in(["add_to_cart", "view_cart", "checkout_start"]))
    paid = payments.select("session_id").unique()
    for kind in ("add_to_cart", "view_cart", "checkout_start"):
        assert paid.join(before.filter(event_type=kind), on="session_id", how="anti").is_empty()


def test_orders_exist_for_successful_payments_and_their_sums_agree(read: Read) -> None:
    orders, paid = read("orders"), read("payments").filter(result="success")
    joined = orders.join(paid, on="payment_id")
    assert len(joined) == len(orders) == len(paid)
    assert (joined["total_amount"] == joined["amount"]).all()
    assert (joined["order_ts"] == joined["attempt_ts"]).all()
    lines = read("order_items").join(read("products"), on="product_id")
    assert len(lines) == len(read("order_items"))
    assert not lines.select("order_id", "product_id").is_duplicated().any()
    cents = (pl.col("qty") * (pl.col("unit_price") * 100).round()).sum()
    sums = orders.join(lines.group_by("order_id").agg(cents.alias("cents")), on="order_id")
    assert len(sums) == len(orders)
    assert ((sums["total_amount"] * 100).round() == sums["cents"]).all()


def test_customers_sign_up_before_they_visit_and_their_age_is_consistent(read: Read) -> None:
    customers = read("customers")
    first = read("sessions").group_by("customer_id").agg(pl.col("start_ts").min())
    joined = customers.join(first, on="customer_id")
    assert (joined["signup_ts"] < joined["start_ts"]).all()
    eighteen = customers["birthdate"].str.to_date().dt.offset_by("18y")
    minor = customers["is_minor"] == 1
    assert (eighteen.filter(minor) > date(2026, 1, 31)).all()
    assert (eighteen.filter(~minor) <= date(2025, 11, 1)).all()
    assert 0 < minor.mean() < 0.08  # type: ignore[operator]  # a boolean mean is a float


def test_minors_buy_nothing_restricted(read: Read) -> None:
    minors = read("customers").filter(is_minor=1).select("customer_id")
    lines = read("order_items").join(read("orders"), on="order_id").join(minors, on="customer_id")
    sold = lines.join(read("products"), on="product_id")
    assert len(sold) > 0
    assert sold["is_adult_restricted"].sum() == 0


def test_customers_live_in_ten_countries_most_of_them_in_france(read: Read) -> None:
    counts = dict(read("customers")["country"].value_counts(sort=True).iter_rows())
    assert set(counts) == COUNTRIES
    assert next(iter(counts)) == "FR"
    assert counts["FR"] > 0.3 * 2_500


def test_profiles_are_plainly_invented(read: Read) -> None:
    profiles = read("customer_profiles")
    assert profiles["customer_id"].to_list() == read("customers")["customer_id"].to_list()
    assert profiles["email"].is_unique().all()
    assert profiles["email"].str.contains(r"^[a-z0-9.\-]+@example\.(com|org|net)$").all()
    assert (
        profiles["street"]
        .str.contains("(?i)exemple|essai|muster|ejemplo|esempio|exemplo|voorbeeld|sample|modèle")
        .all()
    )
    assert not profiles.null_count().sum_horizontal()[0]


def test_details_belong_to_payments_and_merchants(read: Read) -> None:
    details = read("payment_details")
    assert details["payment_id"].to_list() == read("payments")["payment_id"].to_list()
    assert set(details["merchant_id"]) <= set(read("merchants")["merchant_id"])
    assert details["last4"].str.contains(r"^\d{4}$").all()
    failed = read("payments")["result"] == "failed"
    assert details["failure_code"].is_null().to_list() == (~failed).to_list()


def test_details_tell_the_last_cart_event_before_the_payment(read: Read) -> None:
    cart = read("events").filter(pl.col("event_type").is_in(["add_to_cart", "remove_from_cart", "view_cart"]))
    seen = cart.select("session_id", seen="ts").sort("seen")
    rows = read("payments").join(read("payment_details"), on="payment_id").sort("attempt_ts")
    rows = rows.join_asof(seen, left_on="attempt_ts", right_on="seen", by="session_id", check_sortedness=False)
    assert (rows["cart_at"] == rows["seen"]).all()


def test_details_tell_the_basket_also_of_payments_that_failed(read: Read) -> None:
    details = read("payment_details").join(read("payments"), on="payment_id")
    assert details["basket_size"].min() >= 1  # type: ignore[operator]  # a count
    assert details["adult_restricted"].is_in([0, 1]).all()
    restricted = read("products").select("product_id", "is_adult_restricted")
    lines = read("order_items").join(restricted, on="product_id").join(read("orders"), on="order_id")
    bought = lines.group_by("payment_id").agg(pl.col("qty").sum(), pl.col("is_adult_restricted").max())
    paid = details.join(bought, on="payment_id")
    assert len(paid) == (details["result"] == "success").sum()
    assert paid["basket_size"].to_list() == paid["qty"].to_list()
    assert paid["adult_restricted"].to_list() == paid["is_adult_restricted"].to_list()


def test_alerts_are_the_labelled_frauds_and_labels_tell_the_truth_later(read: Read) -> None:
    payments, truth = read("payments"), read("fraud_labels")
    known = payments.filter(is_fraud_label=1)
    assert read("fraud_alerts")["payment_id"].to_list() == known["payment_id"].to_list()
    frauds = truth.filter(is_fraud=1)
    assert set(known["payment_id"]) <= set(frauds["payment_id"])
    assert 0.95 < len(known) / len(frauds) <= 1
    assert set(truth.filter(is_fraud=0)["pattern"]) == {"none"}
    dated = truth.join(payments, on="payment_id")
    assert (dated["label_ts"] > dated["attempt_ts"]).all()


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * (1 + place % 2)
        total += doubled - 9 * (doubled > 9)
    return total % 10 == 0


def test_no_file_holds_anything_like_a_card_number(made: tuple[Path, Summary]) -> None:
    folder, _ = made
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        runs = re.findall(r"\d{13,}", text)
        # Also digits in groups, as people write a card number.
        runs += [re.sub(r"[ -]", "", run) for run in re.findall(r"(?<!\d)(?:\d{4}[ -]){3}\d{1,7}(?!\d)", text)]
        assert [run for run in runs if _luhn(run)] == [], path.name
        assert not any(len(run) >= 13 for run in runs), path.name
