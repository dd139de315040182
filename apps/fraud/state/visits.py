"""What a visitor did before paying, as feature state keeps it: one small row an event, the newest of each visit."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from apps.fraud.engine.event import payment_key, short_key
from apps.fraud.engine.history import Visit

# Steps of the funnel, in order, and what else a visitor does on the way. A payment's own events are left out: they
# come before or after the payment by chance.
PAGE, PRODUCT, CART, CHECKOUT = 1, 2, 3, 4
CHANGES_CART: Final = 16
KINDS: Final = {
    "page_view": PAGE,
    "search": PAGE,
    "product_view": PRODUCT,
    "view_cart": CART,
    "add_to_cart": CART | CHANGES_CART,
    "remove_from_cart": CART | CHANGES_CART,
    "update_cart": CART | CHANGES_CART,
    "checkout_start": CHECKOUT,
    "begin_checkout": CHECKOUT,
    "add_payment_method": CHECKOUT,
}
NO_PRODUCT: Final = b"\0" * 4
_row = struct.Struct(">Q8sB4s").pack
_summary = struct.Struct(">QHHBH").unpack


class Seen(NamedTuple):
    """One event of a visit; `at` in microseconds."""

    session: str
    event: str
    at: int
    kind: str
    product: str | None


def visit_rows(events: Iterable[Seen]) -> dict[str, bytes]:
    """By visit. Times are cut to the millisecond, as the document store keeps them."""
    rows: dict[str, list[bytes]] = {}
    for session, event, at, kind, product in events:
        if (what := KINDS.get(kind)) is not None:
            looked_at = short_key(product)[:4] if product and what == PRODUCT else NO_PRODUCT
            rows.setdefault(session, []).append(_row(at // 1000, payment_key(event), what, looked_at))
    return {session: b"".join(some) for session, some in rows.items()}


def read_visit(told: bytes) -> Visit | None:
    if not told:
        return None
    first, events, products, step, changes = _summary(told)
    return Visit(first * 1000, events, products, step, changes)
