"""A shop's payments as the engine is told of them, made in memory: 5,000 customers with a past."""

from __future__ import annotations

import random
from collections.abc import Iterator

from apps.fraud.engine.event import Facts
from apps.fraud.engine.features.case import DAY, MINUTE

CUSTOMERS = 5_000
MERCHANTS = 200
START = 1_764_547_200_000_000  # 2025-12-01
COUNTRIES = ("FR", "FR", "FR", "BE", "DE", "ES", "IT")


def payments(count: int, *, seed: int = 42, days: int = 30) -> Iterator[Facts]:
    """In the order of time; a fifth of the customers pay half of them, as in life."""
    draw = random.Random(seed)
    step = days * DAY // count
    busy = [draw.gammavariate(0.7, 1.0) for _customer in range(CUSTOMERS)]
    payers = draw.choices(range(CUSTOMERS), busy, k=count)
    for n, customer in enumerate(payers):
        device = customer if draw.random() < 0.9 else draw.randrange(CUSTOMERS)
        country = COUNTRIES[customer % len(COUNTRIES)]
        at = START + n * step + draw.randrange(step)
        yield Facts(
            payment_id=f"P{n:09d}",
            customer=f"C{customer:06d}",
            at=at,
            amount=(cents := draw.randrange(500, 30_000)) / 100,
            currency="EUR",
            euro_cents=cents,
            method="card",
            device=f"D{device:06d}",
            card=f"{customer:036x}",
            ip=f"{customer // 3:036x}",
            merchant=f"M{draw.randrange(MERCHANTS):04d}",
            card_bin="497010",
            device_kind="web_desktop",
            utm_source="direct",
            payment_country=country,
            ip_country=country,
            card_country=country,
            billing_country=country,
            profile_country=country,
            registered_at=START - 200 * DAY,
            segment="regular",
            cart_at=at - 3 * MINUTE,
            basket_size=2,
            adult_restricted=False,
        )
