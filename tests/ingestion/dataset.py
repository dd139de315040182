"""A data set of a few rows, in the form of a real export, for tests to spoil."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

ROWS: dict[str, list[dict[str, str]]] = {
    "customers": [
        {"customer_id": "C1", "signup_ts": "2025-11-01 10:00:00", "country": "FR", "preferred_device": "ios",
         "birthdate": "1980-02-29", "is_minor": "0"},
        {"customer_id": "C2", "signup_ts": "2025-11-02 10:00:00", "country": "BE", "preferred_device": "android",
         "birthdate": "2012-05-01", "is_minor": "1"},
    ],
    "products": [
        {"product_id": "P1", "name": "Lamp", "category": "Home", "is_adult_restricted": "0", "unit_price": "16.69",
         "created_at": "2025-11-01 00:00:00"},
        {"product_id": "P2", "name": "Wine", "category": "Drinks", "is_adult_restricted": "1", "unit_price": "15.0",
         "created_at": "2025-11-01 00:00:00"},
    ],
    "sessions": [
        {"session_id": "S1", "customer_id": "C1", "start_ts": "2025-10-30 14:23:04", "end_ts": "2025-10-30 14:39:04",
         "device": "ios", "ip_hash": "7f19717dd0b54b37", "utm_source": "direct", "utm_campaign": "none"},
        {"session_id": "S2", "customer_id": "C2", "start_ts": "2025-12-31 23:50:00", "end_ts": "2026-01-01 00:10:00",
         "device": "web_mobile", "ip_hash": "7f19717dd0b54b37", "utm_source": "seo", "utm_campaign": "xmas_push"},
    ],
    "orders": [
        {"order_id": "O1", "customer_id": "C1", "session_id": "S1", "payment_id": "PAY1",
         "order_ts": "2025-11-11 09:51:23", "total_amount": "47.83", "currency": "EUR", "shipping_method": "express",
         "status": "paid"},
    ],
    "order_items": [
        {"order_id": "O1", "product_id": "P1", "qty": "1"},
        {"order_id": "O1", "product_id": "P2", "qty": "2"},
        {"order_id": "O1", "product_id": "P1", "qty": "1"},
    ],
    "payments": [
        {"payment_id": "PAY1", "customer_id": "C1", "session_id": "S1", "attempt_ts": "2025-11-11 09:51:23",
         "method": "card", "card_bin": "492878", "payment_country": "IT", "ip_hash": "7f19717dd0b54b37",
         "device_id": "dev_1", "amount": "47.83", "result": "success", "is_fraud_label": "0"},
        {"payment_id": "PAY2", "customer_id": "C2", "session_id": "S2", "attempt_ts": "2026-01-01 00:05:00",
         "method": "paypal", "card_bin": "", "payment_country": "BE", "ip_hash": "7f19717dd0b54b37",
         "device_id": "dev_1", "amount": "58.5", "result": "failed", "is_fraud_label": "1"},
    ],
    "fraud_alerts": [
        {"alert_id": "AL1", "alert_ts": "2026-01-01 00:06:00", "payment_id": "PAY2", "customer_id": "C2",
         "session_id": "S2", "amount": "58.5", "rule_triggered": "high_amount", "is_fraud_label": "1"},
    ],
}  # fmt: skip
EVENTS: list[dict[str, Any]] = [
    {"event_id": "e1", "ts": "2025-11-11 09:50:00", "event_type": "page_view", "customer_id": "C1", "session_id": "S1",
     "device": "ios", "ip_hash": "7f19717dd0b54b37", "utm_source": "direct", "utm_campaign": "none",
     "product_id": None, "cart_value": None, "payment_id": None, "order_id": None},
    {"event_id": "e2", "ts": "2025-11-11 09:50:30.594554442", "event_type": "add_to_cart", "customer_id": "C1",
     "session_id": "S1", "device": "ios", "ip_hash": "7f19717dd0b54b37", "utm_source": "direct",
     "utm_campaign": "none", "product_id": "P1", "cart_value": 101.9, "payment_id": None, "order_id": None},
    {"event_id": "e3", "ts": "2025-11-11 09:51:23", "event_type": "payment_attempt", "customer_id": "C1",
     "session_id": "S1", "device": "ios", "ip_hash": "7f19717dd0b54b37", "utm_source": "direct",
     "utm_campaign": "none", "product_id": None, "cart_value": 47.83, "payment_id": "PAY1", "order_id": None},
    {"event_id": "e4", "ts": "2025-11-12 09:51:23", "event_type": "payment_failed", "customer_id": "C2",
     "session_id": "S2", "device": "web_mobile", "ip_hash": "7f19717dd0b54b37", "utm_source": "seo",
     "utm_campaign": "none", "product_id": None, "cart_value": 9.99, "payment_id": "PAY9", "order_id": None},
]  # fmt: skip


DETAILS = ("payment_id", "merchant_id", "last4", "card_fingerprint", "issuer_country", "currency", "device_kind", "os",
           "browser", "failure_code")  # fmt: skip
# Columns that came after the first files were written.
DETAILS_SINCE = ("ip_country", "billing_country", "cart_at", "basket_size", "adult_restricted")


def detail(**told: str) -> dict[str, str]:
    return {**dict.fromkeys((*DETAILS, *DETAILS_SINCE), ""), **told}


def write_dataset(folder: Path, **changed: list[dict[str, str]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in {**ROWS, **changed}.items():
        write_csv(folder / f"{name}.csv", rows, list(ROWS[name][0]) if name in ROWS else list(rows[0]))
    return folder


def write_csv(path: Path, rows: list[dict[str, str]], columns: list[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def write_events(folder: Path, events: list[dict[str, Any]] | None = None) -> None:
    lines = [json.dumps(event) for event in (EVENTS if events is None else events)]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def row(name: str, index: int = 0, **changed: str) -> dict[str, str]:
    return {**ROWS[name][index], **changed}
