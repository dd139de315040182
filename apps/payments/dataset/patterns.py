"""The eight ways of fraud: what each one mostly shows, and what it often does not."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Pattern:
    """Chances are per incident; no fact is certain, so no single rule finds a pattern whole."""

    name: str
    share: float  # of all fraudulent payments
    new_device: float
    new_address: float
    foreign: float
    night: float
    fast: float
    high: float
    resale: float
    newcomer: float  # on an account opened for it, or hardly used
    stolen_card: float
    proxy: float = 0.12  # on a network of their own: seen in yet another country
    visits: tuple[int, int] = (1, 1)
    baskets: tuple[int, int] = (1, 1)
    attempts: tuple[int, int] = (1, 1)
    label_days: float = 18.0  # median days until the chargeback or the report
    alert: str = "high_amount"

    @property
    def payments(self) -> float:
        """Mean payments of one incident."""
        return sum(self.visits) / 2 * sum(self.baskets) / 2 * sum(self.attempts) / 2


PATTERNS: Final = (
    Pattern("night_payments", 0.13, new_device=0.55, new_address=0.75, foreign=0.3, night=0.88, fast=0.25,
            high=0.35, resale=0.5, newcomer=0.3, stolen_card=0.7, attempts=(1, 2)),
    Pattern("velocity_burst", 0.16, new_device=0.55, new_address=0.7, foreign=0.3, night=0.2, fast=0.35,
            high=0.25, resale=0.55, newcomer=0.35, stolen_card=0.7, baskets=(3, 5), label_days=9,
            alert="rapid_attempts"),
    Pattern("device_hopping", 0.12, new_device=0.9, new_address=0.9, foreign=0.3, night=0.2, fast=0.3,
            high=0.3, resale=0.5, newcomer=0.2, stolen_card=0.6, visits=(2, 3), label_days=14,
            alert="rapid_attempts"),
    Pattern("unusual_amount", 0.12, new_device=0.45, new_address=0.65, foreign=0.25, night=0.15, fast=0.2,
            high=0.95, resale=0.7, newcomer=0.15, stolen_card=0.6),
    Pattern("country_change", 0.12, new_device=0.5, new_address=0.95, foreign=0.92, night=0.25, fast=0.25,
            high=0.35, resale=0.5, newcomer=0.2, stolen_card=0.5, attempts=(1, 2), alert="country_mismatch", proxy=0.3),
    Pattern("fast_checkout", 0.12, new_device=0.5, new_address=0.7, foreign=0.3, night=0.2, fast=0.93,
            high=0.4, resale=0.6, newcomer=0.35, stolen_card=0.75, alert="rapid_attempts"),
    Pattern("card_testing", 0.12, new_device=0.75, new_address=0.85, foreign=0.4, night=0.3, fast=0.3,
            high=0.4, resale=0.5, newcomer=0.6, stolen_card=1.0, attempts=(5, 10), label_days=3,
            alert="many_failed_attempts"),
    Pattern("account_takeover", 0.11, new_device=0.9, new_address=0.95, foreign=0.45, night=0.3, fast=0.3,
            high=0.75, resale=0.9, newcomer=0.0, stolen_card=0.2, baskets=(1, 2), label_days=11, proxy=0.35),
)  # fmt: skip
PATTERN_NAMES: Final = tuple(pattern.name for pattern in PATTERNS)
CARD_TESTING: Final = PATTERN_NAMES.index("card_testing")
TAKEOVER: Final = PATTERN_NAMES.index("account_takeover")

# Slightly above one payment in a hundred.
FRAUD_SHARE: Final = 0.0106
