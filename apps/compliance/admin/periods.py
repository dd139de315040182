"""Years, months and days to choose from, found by the first and last row only: two looks into an index."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.contrib.admin import SimpleListFilter
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

_PERIOD = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


class Step(NamedTuple):
    value: str
    label: str
    chosen: bool
    link: str


def period_range(value: str) -> tuple[date, date] | None:
    """`2026`, `2026-11` or `2026-11-20` as [first day, day after the last); None for anything else."""
    match = _PERIOD.fullmatch(value or "")
    if not match:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        first = date(year or 0, month or 1, day or 1)
    except ValueError:
        return None
    if first.year == date.max.year:
        return None  # the day after its last does not exist
    if day:
        return first, first + timedelta(days=1)
    return first, date(first.year + 1, 1, 1) if not month else month_after(first)


def month_after(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


class PeriodFilter(SimpleListFilter):
    """Subclass with `field`, a column that an index finds the first and the last of."""

    title = _("period")
    parameter_name = "period"
    template = "admin/kvt/filter_none.html"  # drawn above the list instead, by admin/kvt/periods.html
    field = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.range = period_range(self.value() or "")
        bounds = model_admin.get_queryset(request).order_by().aggregate(first=Min(self.field), last=Max(self.field))
        self.first: date | None = bounds["first"] and bounds["first"].astimezone(UTC).date()
        self.last: date | None = bounds["last"] and bounds["last"].astimezone(UTC).date()
        return [("", "")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.range is None:
            return queryset
        first, after = self.range
        return queryset.filter(**{f"{self.field}__gte": midnight(first), f"{self.field}__lt": midnight(after)})

    def choices(self, changelist: Any) -> Iterator[Any]:
        return iter(())

    def levels(self, changelist: Any) -> list[list[Step]]:
        """One row of years; under a chosen one its months; under a chosen month its days."""
        if self.first is None or self.last is None:
            return []
        chosen = str(self.value() or "") if self.range else ""

        def step(value: str, label: str) -> Step:
            link = changelist.get_query_string({self.parameter_name: value or None}, ["p"])
            return Step(value, label, chosen == value if not value else chosen.startswith(value), link)

        levels = [[step("", str(_("All dates"))), *(step(str(y), str(y)) for y in self._years())]]
        if chosen:
            levels.append([step(f"{m:%Y-%m}", date_format(m, "F")) for m in self._months(int(chosen[:4]))])
        if len(chosen) >= len("2026-11"):
            levels.append([step(f"{d:%Y-%m-%d}", str(d.day)) for d in self._days(chosen)])
        return [level for level in levels if level]

    def _years(self) -> range:
        assert self.first and self.last
        return range(self.first.year, self.last.year + 1)

    def _months(self, year: int) -> list[date]:
        assert self.first and self.last
        months = (date(year, month, 1) for month in range(1, 13))
        return [month for month in months if month <= self.last and month_after(month) > self.first]

    def _days(self, chosen: str) -> list[date]:
        assert self.first and self.last
        year, month = int(chosen[:4]), int(chosen[5:7])
        days = (date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1))
        return [day for day in days if self.first <= day <= self.last]


def period_filter(field: str) -> type[PeriodFilter]:
    return type("PeriodFilter", (PeriodFilter,), {"field": field})
