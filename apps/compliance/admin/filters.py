"""List filters whose choices are known beforehand: none of them asks a large table for its distinct values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Choices = Iterable[tuple[str, str | Promise]]

# Where the shops' customers live, first; then their neighbours and the countries that card fraud often comes through.
COUNTRIES = (
    "FR", "BE", "CH", "LU", "DE", "ES", "IT", "PT", "NL", "GB", "IE", "AT", "PL", "CZ", "RO", "BG", "HU", "GR", "SE",
    "DK", "NO", "FI", "MA", "TN", "DZ", "SN", "CI", "TR", "US", "CA", "BR", "MX", "CN", "JP", "IN", "RU", "UA", "NG",
    "ZA", "AU",
)  # fmt: skip


class ChoiceFilter(SimpleListFilter):
    """Subclass with `path` (a lookup) and `options`, or make one with choice_filter()."""

    path = ""
    options: Callable[[], Choices]
    template = "admin/kvt/filter_chips.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        return list(type(self).options())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = {str(value) for value, _label in self.lookup_choices}
        return queryset.filter(**{self.path: self.value()}) if self.value() in known else queryset


def choice_filter(
    title: str | Promise, path: str, options: Callable[[], Choices], *, parameter: str = ""
) -> type[ChoiceFilter]:
    body = {
        "title": title,
        "path": path,
        "parameter_name": parameter or path.replace("__", "_"),
        "options": staticmethod(options),
    }
    return type("ChoiceFilter", (ChoiceFilter,), body)


def country_filter(path: str = "country") -> type[ChoiceFilter]:
    return choice_filter(_("country"), path, lambda: [(code, code) for code in COUNTRIES], parameter="country")


class RelatedFilter(SimpleListFilter):
    """`?customer=12`, where "see all" links lead. Shown only while it is on."""

    template = "admin/kvt/filter_chips.html"
    path = ""

    def has_output(self) -> bool:
        return self.value() is not None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = self.value()
        if not value or not str(value).isdigit() or len(str(value)) > 18:
            return []
        model = model_admin.model._meta.get_field(self.path).remote_field.model
        related = model._default_manager.filter(pk=int(value)).first()
        return [(str(value), str(related))] if related else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return (
            queryset.filter(**{self.path: int(self.lookup_choices[0][0])}) if self.lookup_choices else queryset.none()
        )


def related_filter(path: str, title: str | Promise) -> type[RelatedFilter]:
    return type("RelatedFilter", (RelatedFilter,), {"title": title, "path": path, "parameter_name": path})
