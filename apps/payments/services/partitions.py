"""Monthly partitions of payments: made ahead by a job, checked at start."""

from __future__ import annotations

from datetime import date, datetime

from django.db import ProgrammingError, connection, transaction
from psycopg.errors import DuplicateTable

MONTHS_AHEAD = 3  # a stopped job leaves a quarter to notice


def payment_partitions_ensure(*, first: date, last: date) -> list[str]:
    """Make what is missing from the month of `first` to the month of `last`; return the names of the new ones."""
    made = [_partition_ensure(month) for month in months_between(first, last)]
    return [name for name in made if name]


def _partition_ensure(month: date) -> str | None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT kvt_ensure_payment_partition(%s::date)", [month])
            name: str | None = cursor.fetchone()[0]
            return name
    except ProgrammingError as error:
        # Another session made it while this one waited for its turn: PostgreSQL's memory of names can lag behind.
        if not isinstance(error.__cause__, DuplicateTable):
            raise
        return None


def payment_partitions_ahead(*, now: datetime) -> list[str]:
    return payment_partitions_ensure(first=now.date(), last=add_months(now.date(), MONTHS_AHEAD))


def months_between(first: date, last: date) -> list[date]:
    count = (last.year - first.year) * 12 + last.month - first.month
    return [add_months(first, offset) for offset in range(count + 1)]


def add_months(day: date, months: int) -> date:
    """The first of the month that lies `months` after the month of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)
