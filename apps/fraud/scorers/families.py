"""Which features tell the same fact: the five windows of one count are one reason, not five."""

from __future__ import annotations

from typing import Final

from apps.fraud.engine.features import distinct, velocity
from apps.fraud.engine.features.catalogue import CATALOGUE

_NAMED: Final[dict[str, tuple[str, ...]]] = {
    "amount": ("amount", "amount_eur", "amount_ratio", "amount_deviation", "customer_amount_mean",
               "customer_amount_std"),
    "currency": ("currency",),
    "hour": ("hour", "is_night"),
    "day": ("weekday", "is_weekend"),
    "method": ("method",),
    "failed": ("failed", "failure_code"),
    "card_range": ("card_bin",),
    "device_kind": ("device_kind", "is_mobile", "os", "browser"),
    "origin": ("utm_source", "utm_campaign"),
    "basket": ("basket_size", "adult_restricted"),
    "segment": ("segment",),
    "shop": ("merchant", "merchant_mcc"),
    "payment_place": ("payment_country", "payment_profile_mismatch", "profile_country"),
    "ip_place": ("ip_country", "payment_ip_mismatch", "ip_profile_mismatch"),
    "card_place": ("card_country", "payment_card_mismatch", "ip_card_mismatch", "card_profile_mismatch"),
    "billing_place": ("billing_country", "payment_billing_mismatch", "billing_distance_km"),
    "account": ("account_age_days",),
    "history": ("previous_payments", "previous_successes", "first_payment", "first_purchase"),
    "last_payment": ("seconds_since_last_payment",),
    "cart": ("seconds_since_cart",),
    "device_known": ("new_device", "seconds_since_device_seen"),
    "ip_known": ("new_ip",),
    "country_known": ("new_country",),
    "merchant_known": ("first_at_merchant",),
    "hop": ("device_ip_change_1h",),
    "merchant_usual": ("merchant_amount_mean", "merchant_amount_ratio"),
    "merchant_frauds": ("merchant_frauds_30d", "merchant_fraud_rate_30d", "merchant_frauds_24h", "merchant_frauds_7d"),
    "merchant_fraud_run": ("seconds_since_merchant_fraud", "merchant_fraud_run_seconds"),
    "customer_large": ("customer_large_7d",),
    "customer_frauds": ("customer_frauds",),
    "device_frauds": ("device_frauds",),
    "card_frauds": ("card_frauds",),
    "visit": ("session_events", "session_products", "session_step", "session_seconds", "session_cart_changes"),
}  # fmt: skip
# Of the counts per entity and window: what is counted, and the family it goes to.
_COUNTS: Final = {"attempts": "attempts", "successes": "attempts", "failures": "failures", "amount": "spend"}


def _families() -> dict[str, str]:
    found = {name: family for family, names in _NAMED.items() for name in names}
    for owner in (*velocity.OWNERS, "merchant"):
        for window in velocity.WINDOW_FR:
            for what, family in _COUNTS.items():
                found[f"{owner}_{what}_{window}"] = f"{owner}_{family}"
    found["merchant_failure_rate_24h"] = "merchant_failures"
    for window in distinct.FR:
        found |= {f"customer_{what}_{window}": f"customer_{what}" for what, *_rest in distinct.OF_CUSTOMER}
        found |= {f"{owner}_customers_{window}": f"{owner}_customers" for owner, *_rest in distinct.OF_OTHERS}
    return found


FAMILY: Final = _families()


def family_of(name: str) -> str:
    """Its own, for a feature that nobody has filed."""
    return FAMILY.get(name, name)


def what_and_window(name: str) -> tuple[str, str]:
    """`card_attempts_24h` is ("attempts", "24h") of a card."""
    feature = CATALOGUE.get(name)
    window = feature.window if feature is not None and feature.window is not None else ""
    return name.removesuffix(f"_{window}").partition("_")[2], window
