"""Monthly partitions of payments: made ahead by a job, checked at start."""

from __future__ import annotations

from datetime import date, datetime

from django.db import connection

MONTHS_AHEAD = 3  # a stopped job leaves a quarter to notice


def payment_partitions_ensure(*, first: date, last: date) -> list[str]:
    """Make what is missing from the month of `first` to the month of `last`; return the names of the new ones."""
    created: list[str] = []
    with connection.cursor() as cursor:
        for month in months_between(first, last):
            cursor.execute("SELECT kvt_ensure_payment_partition(%s::date)", [month])
            name = cursor.fetchone()[0]
            if name:
                created.append(name)
    return created


def payment_partitions_ahead(*, now: datetime) -> list[str]:
    return payment_partitions_ensure(first=now.date(), last=add_months(now.date(), MONTHS_AHEAD))


def months_between(first: date, last: date) -> list[date]:
    count = (last.year - first.year) * 12 + last.month - first.month
    return [add_months(first, offset) for offset in range(count + 1)]


def add_months(day: date, months: int) -> date:
    """The first of the month that lies `months` after the month of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)
