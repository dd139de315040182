"""What is decided before the clock runs: visits to the shop, and the baskets paid in them."""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np

from apps.payments.dataset.arrays import F64, I64, U64, Bool

GENUINE: Final = 0


@dataclass(frozen=True)
class Table:
    """Parallel arrays of one length."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self, order: I64 | Bool) -> Self:
        return type(self)(**{f.name: getattr(self, f.name)[order] for f in fields(self)})

    def join(self, other: Self) -> Self:
        pairs = {f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)}
        return type(self)(**pairs)


@dataclass(frozen=True)
class Visits(Table):
    person: I64
    start: I64
    kind: I64  # index into DEVICES
    device: U64  # key of the device; its text is a hash of it
    address: U64  # key of the network address
    country: I64  # where the payment is made, index into ALL_CODES
    located: I64  # where the address is: the same, unless it is a roaming phone's, a VPN's or a proxy's
    utm: I64
    campaign: I64
    pattern: I64  # GENUINE, or 1 + index into PATTERNS
    browse: I64  # seconds before the first thing goes into the basket; the whole visit if none does
    baskets: I64


@dataclass(frozen=True)
class Baskets(Table):
    visit: I64
    pause: I64  # seconds since the basket before it in the same visit
    gap: I64  # seconds from the last thing added to the payment attempt
    pace: I64  # seconds between two things added
    euros: F64  # what the buyer has in mind; prices decide the real amount
    lines: I64
    category: I64
    attempts: I64
    paid: Bool
    retry: I64  # seconds between two attempts
    method: I64
    card: U64
    issuer: I64
    new_card: Bool
    many_cards: Bool  # each attempt with another card
