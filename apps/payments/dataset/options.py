"""What a caller may ask for, checked once, and how the customers are cut into blocks."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

# The unit of generation: each block of customers draws from its own random streams, so the
# files do not depend on how many processes share the work. 2,500 customers are about 190,000
# rows: large enough for vectorised code, small enough for two blocks in under 1 GB.
BLOCK_CUSTOMERS: Final = 2_500
MAX_CUSTOMERS: Final = 50_000_000
MAX_DAYS: Final = 1_096  # three years: the activity rates describe a shop, not its history
DAY: Final = 86_400
FORMATS: Final = ("csv", "parquet")


class DatasetError(Exception):
    """The data set cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class DatasetOptions:
    out: Path
    customers: int = 2_500
    seed: int = 42
    start: date = date(2025, 11, 1)
    end: date = date(2026, 1, 31)
    file_format: str = "csv"
    workers: int = 2

    def __post_init__(self) -> None:
        for broken, sentence in self._objections():
            if broken:
                raise DatasetError(sentence)

    def _objections(self) -> list[tuple[bool, str]]:
        days = (self.end - self.start).days + 1
        return [
            (self.customers < 1, f"--customers is {self.customers}; ask for at least 1 customer."),
            (
                self.customers > MAX_CUSTOMERS,
                f"--customers is {self.customers}; the most one run makes is {MAX_CUSTOMERS}.",
            ),
            (self.seed < 0, f"--seed is {self.seed}; give a whole number from 0 upwards."),
            (days < 1, f"--end ({self.end}) is before --start ({self.start}); swap them or move one."),
            (days > MAX_DAYS, f"{days} days are too many; choose dates at most {MAX_DAYS} days apart."),
            (
                self.start.year < 2000 or self.end.year > 2100,
                "Dates before 2000 or after 2100 are not supported; choose others.",
            ),
            (
                self.file_format not in FORMATS,
                f"--format is {self.file_format!r}; choose one of {', '.join(FORMATS)}.",
            ),
            (self.workers < 1, f"--workers is {self.workers}; give at least 1."),
        ]

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    @property
    def start_s(self) -> int:
        """First second of the range, as seconds since 1970 in UTC."""
        return int(datetime.combine(self.start, datetime.min.time(), UTC).timestamp())

    @property
    def end_s(self) -> int:
        """Last second of the range."""
        return self.start_s + self.days * DAY - 1

    @property
    def blocks(self) -> int:
        return -(-self.customers // BLOCK_CUSTOMERS)

    def block_range(self, block: int) -> tuple[int, int]:
        """First customer number of the block (from 1) and how many it holds."""
        first = block * BLOCK_CUSTOMERS
        return first + 1, min(BLOCK_CUSTOMERS, self.customers - first)

    def day(self, offset: int) -> date:
        return self.start + timedelta(days=offset)
