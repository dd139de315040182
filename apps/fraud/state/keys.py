"""Every key of feature state, how long it lives, and how long a log may get. Nothing else knows a key.

A key is short because there are millions: a letter, the tenant in braces (so that a Redis Cluster keeps one tenant's
keys together, as one script needs), and eight bytes that stand for the entity's id.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from django.conf import settings

from apps.fraud.engine.event import Facts, short_key

DAY: Final = 86_400
# After this long without a payment an entity counts as new again. Of the event's clock, not the wall's: see `ttl`.
LIFE: Final = {
    "customer": 400 * DAY,  # a yearly buyer is no stranger
    "device": 400 * DAY,
    "card": 400 * DAY,
    "ip": 60 * DAY,  # addresses change hands
    "merchant": 75 * DAY,  # its longest count reaches 60 days back
}
OWNERS: Final = ("customer", "device", "card", "ip", "merchant")
VERDICT_OWNERS: Final = ("customer", "device", "card", "merchant")
_LETTER: Final = {"customer": b"c", "device": b"d", "card": b"k", "ip": b"i", "merchant": b"m"}
# Rows kept one by one. A customer with more in 30 days is a shop of its own; windows then count up to this many.
MOST_ROWS: Final = {"customer": 512, "device": 256, "card": 256, "ip": 256}
# What is kept when a log is folded: folding every payment of a busy entity would cost more than it spares.
KEPT_ROWS: Final = {"customer": 384, "device": 192, "card": 192, "ip": 192}
MOST_VERDICTS: Final = {"customer": 64, "device": 64, "card": 64, "merchant": 512}


@cache
def _tag(tenant_id: int) -> bytes:
    return b"{%s%d}" % (settings.STATE_NAMESPACE.encode(), tenant_id)


def ttl(owner: str, at: int, now: int) -> int:
    """Seconds to live. An old event of a history lives as long as if it had just been its time."""
    return LIFE[owner] - max(0, (now - at) // 1_000_000)


def log_key(tenant_id: int, owner: str, short: bytes) -> bytes:
    return b"%s%s%s" % (_LETTER[owner], _tag(tenant_id), short)


def verdict_key(tenant_id: int, owner: str, short: bytes) -> bytes:
    return b"v%s%s%s" % (_LETTER[owner], _tag(tenant_id), short)


@cache
def prefixes(tenant_id: int) -> tuple[bytes, ...]:
    """What comes before the short key: in the logs, in the order of OWNERS, then in the verdicts."""
    logs = [log_key(tenant_id, owner, b"") for owner in OWNERS]
    return (*logs, *(verdict_key(tenant_id, owner, b"") for owner in VERDICT_OWNERS))


def nobody_key(tenant_id: int) -> bytes:
    """Stands where a payment names no entity. Nothing is ever written there."""
    return b"nobody" + _tag(tenant_id)


def warm_key(tenant_id: int) -> bytes:
    """Set once the tenant's history is in; gone with everything else when Redis loses its memory."""
    return b"warm" + _tag(tenant_id)


def rebuild_key(tenant_id: int) -> bytes:
    """How far a rebuild has come."""
    return b"rebuild" + _tag(tenant_id)


def rebuilding_key(tenant_id: int) -> str:
    """A lock: one process rebuilds."""
    return "rebuilding" + _tag(tenant_id).decode()


def cart_key(tenant_id: int, session: str) -> bytes:
    return b"b%s%s" % (_tag(tenant_id), short_key(session))


def visit_key(tenant_id: int, session: str) -> bytes:
    return b"s%s%s" % (_tag(tenant_id), short_key(session))


# A person does some twenty things before paying. Up to 128 rows Redis keeps a sorted set as one small block of memory.
MOST_EVENTS: Final = 128
VISIT_SECONDS: Final = 2 * DAY  # as for carts
# The last ones; a payment that came late finds the cart that was before it.
MOST_CARTS: Final = 8
CART_SECONDS: Final = 2 * DAY  # a cart older than that says nothing of how fast somebody paid


def shorts(facts: Facts) -> tuple[bytes | None, ...]:
    """In the order of OWNERS; None where the payment names no such entity. Written out: it runs for each payment."""
    device, card, ip, merchant = facts.device, facts.card, facts.ip, facts.merchant
    return (
        short_key(facts.customer),
        None if device is None else short_key(device),
        None if card is None else short_key(card),
        None if ip is None else short_key(ip),
        None if merchant is None else short_key(merchant),
    )
