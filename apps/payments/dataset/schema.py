"""The files of a data set and their columns, in the order they are written.

The first eight are those of a KiVendTout export and keep exactly its columns;
what a richer product needs beside them lives in files of its own.
"""

from typing import Final

CUSTOMERS: Final = "customers"
PRODUCTS: Final = "products"
SESSIONS: Final = "sessions"
ORDERS: Final = "orders"
ORDER_ITEMS: Final = "order_items"
PAYMENTS: Final = "payments"
FRAUD_ALERTS: Final = "fraud_alerts"
EVENTS: Final = "events"
FRAUD_LABELS: Final = "fraud_labels"
CUSTOMER_PROFILES: Final = "customer_profiles"
MERCHANTS: Final = "merchants"
PAYMENT_DETAILS: Final = "payment_details"

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    CUSTOMERS: ("customer_id", "signup_ts", "country", "preferred_device", "birthdate", "is_minor"),
    PRODUCTS: ("product_id", "name", "category", "is_adult_restricted", "unit_price", "created_at"),
    SESSIONS: (
        "session_id",
        "customer_id",
        "start_ts",
        "end_ts",
        "device",
        "ip_hash",
        "utm_source",
        "utm_campaign",
    ),
    ORDERS: (
        "order_id",
        "customer_id",
        "session_id",
        "payment_id",
        "order_ts",
        "total_amount",
        "currency",
        "shipping_method",
        "status",
    ),
    ORDER_ITEMS: ("order_id", "product_id", "qty"),
    PAYMENTS: (
        "payment_id",
        "customer_id",
        "session_id",
        "attempt_ts",
        "method",
        "card_bin",
        "payment_country",
        "ip_hash",
        "device_id",
        "amount",
        "result",
        "is_fraud_label",
    ),
    FRAUD_ALERTS: (
        "alert_id",
        "alert_ts",
        "payment_id",
        "customer_id",
        "session_id",
        "amount",
        "rule_triggered",
        "is_fraud_label",
    ),
    EVENTS: (
        "event_id",
        "ts",
        "event_type",
        "customer_id",
        "session_id",
        "device",
        "ip_hash",
        "utm_source",
        "utm_campaign",
        "product_id",
        "cart_value",
        "payment_id",
        "order_id",
    ),
    FRAUD_LABELS: ("payment_id", "customer_id", "pattern", "label_ts", "is_fraud"),
    CUSTOMER_PROFILES: (
        "customer_id",
        "first_name",
        "last_name",
        "email",
        "phone",
        "street",
        "city",
        "postal_code",
        "country",
    ),
    MERCHANTS: ("merchant_id", "name", "industry", "size", "country", "mcc"),
    PAYMENT_DETAILS: (
        "payment_id",
        "merchant_id",
        "last4",
        "card_fingerprint",
        "issuer_country",
        "currency",
        "device_kind",
        "os",
        "browser",
        "failure_code",
        "ip_country",
        "billing_country",
        "cart_at",
        "basket_size",
        "adult_restricted",
    ),
}

# Written once, from the catalogue; every other file grows with the customers.
STATIC_TABLES: Final = (PRODUCTS, MERCHANTS)
GROWING_TABLES: Final = tuple(name for name in COLUMNS if name not in STATIC_TABLES)

MANIFEST: Final = "manifest.json"


def file_name(table: str, file_format: str) -> str:
    if file_format == "parquet":
        return f"{table}.parquet"
    return f"{table}.jsonl" if table == EVENTS else f"{table}.csv"
