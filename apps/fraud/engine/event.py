"""What the engine is told of one payment: plain values, times in microseconds of the event's clock, no rows."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal

from msgspec import Struct

Status = Literal["pending", "success", "failed"]
RANK: Final[dict[str, int]] = {"pending": 0, "success": 1, "failed": 2}
NOTHING: Final = b"\0" * 8


class Facts(Struct, frozen=True, kw_only=True):
    """One payment as it was when it was told. Entities are named by the tenant's own ids or by keyed hashes."""

    payment_id: str
    customer: str
    at: int
    amount: float
    currency: str
    euro_cents: int | None
    """The amount at the reference rate of `engine/rates.py`; None for a currency without one."""
    method: str
    status: Status = "pending"
    failure_code: str = ""
    device: str | None = None
    card: str | None = None
    ip: str | None = None
    merchant: str | None = None
    session: str | None = None
    card_bin: str | None = None
    device_kind: str | None = None
    os: str | None = None
    browser: str | None = None
    utm_source: str | None = None
    utm_campaign: str | None = None
    payment_country: str | None = None
    ip_country: str | None = None
    card_country: str | None = None
    billing_country: str | None = None
    profile_country: str | None = None
    merchant_country: str | None = None
    merchant_mcc: str | None = None
    registered_at: int | None = None
    segment: str | None = None
    cart_at: int | None = None
    basket_size: int | None = None
    adult_restricted: bool | None = None


@lru_cache(maxsize=65_536)
def short_key(value: str | None) -> bytes:
    """Eight bytes that stand for an id in feature state; nothing stands for 'not told'.

    64 bits: among ten million customers two share a key with probability 3·10⁻⁶. PostgreSQL computes the same with
    `substring(sha256(convert_to(value, 'UTF8')) for 8)`, which is how the oracle orders payments of one instant.
    """
    return NOTHING if value is None else payment_key(value)


def payment_key(payment_id: str) -> bytes:
    """The same without a memory: each payment is met once or twice, a device or merchant again and again."""
    return sha256(payment_id.encode("utf-8", "surrogatepass")).digest()[:8]
