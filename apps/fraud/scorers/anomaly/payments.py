"""What of a payment's feature row the forest looks at, and what it must not.

Left out: verdicts, since what is known as fraud is for rules and scorers; the merchant's own counts, which would make
every payment of a busy shop odd; digits of cards and free texts; and windows that say nearly the same as another one,
which would count one oddness several times.
"""

from __future__ import annotations

from typing import Final

from apps.fraud.engine.features.catalogue import FEATURES
from apps.fraud.engine.features.feature import Feature
from apps.fraud.scorers.anomaly.field import Field, Kind

# Of what is counted by windows: a burst, a day's tries and refusals, who else was seen with device, card and address.
COUNTED: Final = frozenset(
    {f"{owner}_{what}" for owner in ("customer", "device", "card", "ip")
     for what in ("attempts_1h", "attempts_24h", "failures_24h")}
    | {f"customer_{what}_24h" for what in ("amount", "devices", "cards", "ips", "countries")}
    | {f"{owner}_customers_30d" for owner in ("device", "card", "ip")}
    | {"device_ip_change_1h"}
)  # fmt: skip
CHOICES: Final = frozenset(
    {
        "currency", "method", "device_kind", "os", "browser", "segment", "merchant_mcc", "hour", "weekday",
        "payment_country", "ip_country", "card_country", "profile_country", "billing_country",
    }
)  # fmt: skip
# `amount` is in whatever currency; the two averages are told by the ratio to them; what hour and day say, they say.
UNSEEN: Final = frozenset(
    {"amount", "customer_amount_mean", "customer_amount_std", "is_night", "is_weekend", "is_mobile"}
    | {f"{owner}_frauds" for owner in ("customer", "device", "card")}
)
MERCHANT: Final = frozenset({"merchant_amount_ratio"})


# What a field is about; the others by what owns them.
THEMES: Final = {
    "money": (
        "amount_eur", "currency", "amount_ratio", "amount_deviation", "merchant_amount_ratio", "basket_size",
        "customer_amount_24h",  # most days the amount itself
    ),
    "time": ("hour", "weekday"),
    "history": (
        "account_age_days", "previous_payments", "previous_successes", "first_payment", "first_purchase",
        "seconds_since_last_payment", "first_at_merchant",
    ),
    "novelty": ("new_device", "new_ip", "new_country", "device_ip_change_1h"),
    "machine": ("device_kind", "os", "browser", "seconds_since_device_seen"),
    "visit": ("seconds_since_cart",),
    "pace": tuple(sorted(name for name in COUNTED if not name.endswith(("_customers_30d", "_amount_24h")))),
    "shared": tuple(sorted(name for name in COUNTED if name.endswith("_customers_30d"))),
}  # fmt: skip
_THEME_OF: Final = {name: theme for theme, names in THEMES.items() for name in names}
_OWNERS: Final = {"place": "place", "session": "visit"}


# Few of something counted are no news: no device is odd for having been used once.
KINDS: Final[dict[str, Kind]] = {"boolean": "flag", "integer": "count", "number": "amount"}


def _field(feature: Feature) -> Field | None:
    name = feature.name
    theme = _THEME_OF.get(name) or _OWNERS.get(feature.owner, "goods")
    if name in CHOICES:
        return Field(name, "choice", theme, feature.fr, feature.en)
    if feature.kind == "text" or name in UNSEEN or (feature.window and name not in COUNTED):
        return None
    if feature.owner == "merchant" and name not in MERCHANT:
        return None
    return Field(name, KINDS[feature.kind], theme, feature.fr, feature.en)


FIELDS: Final = tuple(field for field in map(_field, FEATURES) if field is not None)
NAMES: Final = tuple(field.name for field in FIELDS)
