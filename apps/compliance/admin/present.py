"""How a value is shown: links where the person may follow them, masks over everything classified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib import admin
from django.db.models import Field, ForeignKey, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.models import User
from apps.compliance.models.base import CARD, NONE
from kivendtout.lib.crypto.fields import Unreadable

# Of anything that hangs on a record, its page shows this many; the rest is one link away.
LATEST = 25
MASK = "••••"
EMPTY = "—"
REVEAL = "customers.reveal_personal_data"
MASKED_HINT = gettext_lazy("Masked. Reveal it with a reason.")


class Viewer:
    """The person looking: what they may open, and whether card digits show."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        assert isinstance(request.user, User)  # the admin site lets nobody else in
        self.user = request.user
        self.reveals = request.user.has_perm(REVEAL)
        self.opened: dict[type[Model], bool] = {}

    def url(self, instance: Model | None) -> str:
        """Where the instance is shown, or nothing when the person may not go there."""
        return "" if instance is None else self.url_of(instance._meta.label, instance.pk)

    def url_of(self, model_name: str, pk: object) -> str:
        meta = apps.get_model(model_name)._meta
        if pk is None or not self.opens(meta.model):
            return ""
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[pk])

    def opens(self, model: type[Model]) -> bool:
        """May this person see the model's pages? Asked once a model, as rows ask it by the hundred."""
        if model not in self.opened:
            model_admin = admin.site._registry.get(model)
            self.opened[model] = model_admin is not None and model_admin.has_view_permission(self.request)
        return self.opened[model]

    def list_url(self, model: type[Model], **params: Any) -> str:
        if not self.opens(model):
            return ""
        query = "&".join(f"{name}={value}" for name, value in params.items())
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        return f"{address}?{query}" if query else address


def class_of(model: type[Model], name: str) -> str:
    classes: dict[str, str] = getattr(model, "CLASSIFICATION", {})
    return classes.get(name, NONE)


def masked(value: Any) -> SafeString | str:
    """An unreadable value holds no one's data: its sentence tells the administrator what to repair."""
    if isinstance(value, Unreadable):
        return format_html('<span class="kvt-unreadable">{}</span>', value)
    if value is None or value == "":
        return EMPTY
    return format_html('<span class="kvt-mask" title="{}">{}</span>', MASKED_HINT, MASK)


def plain(value: Any) -> SafeString | str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if value is None or value == "":
        return EMPTY
    if isinstance(value, Unreadable):
        return masked(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return date_format(value, "j F Y")
    if isinstance(value, Decimal):
        return number_format(value, force_grouping=True)
    return str(value)


def moment(value: datetime | None) -> SafeString | str:
    if value is None:
        return EMPTY
    return format_html(
        '<time datetime="{}" class="kvt-time">{} <span>{}</span></time>',
        value.isoformat(),
        date_format(value, "j N Y"),
        f"{value:%H:%M:%S}",
    )


def badge(text: object, tone: str = "neutral") -> SafeString:
    return format_html('<span class="kvt-badge" data-tone="{}">{}</span>', tone, text)


def link(url: str, text: object) -> SafeString | str:
    return format_html('<a class="kvt-link" href="{}">{}</a>', url, text) if url else str(text)


def code(text: object) -> SafeString | str:
    return format_html('<span class="kvt-code">{}</span>', text) if text not in ("", None) else EMPTY


def amount(value: Decimal, currency: str, minor_units: int = 2) -> SafeString:
    digits = max(minor_units, -int(value.normalize().as_tuple().exponent))
    return format_html(
        '<span class="kvt-amount">{} <span>{}</span></span>',
        number_format(value, digits, force_grouping=True),
        currency,
    )


# --- columns of a model ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Column:
    """A label and how to draw it for one row."""

    label: str | Promise
    draw: Callable[[Viewer, Any], Any]
    end: bool = False  # figures stand at the right

    @property
    def heading(self) -> str:
        return str(capfirst(str(self.label)))


def column(model: type[Model], name: str) -> Column:
    model_field = model._meta.get_field(name)
    assert isinstance(model_field, Field)
    kind = class_of(model, name)

    def draw(viewer: Viewer, row: Any) -> Any:
        if kind != NONE and not (kind == CARD and viewer.reveals and not isinstance(getattr(row, name), bytes)):
            return masked(getattr(row, name))
        if isinstance(model_field, ForeignKey):
            related = getattr(row, name)
            return link(viewer.url(related), related) if related is not None else EMPTY
        if model_field.choices:
            return plain(getattr(row, f"get_{name}_display")())
        return plain(getattr(row, name))

    return Column(model_field.verbose_name, draw)


def columns(model: type[Model], *names: str | Column) -> list[Column]:
    return [name if isinstance(name, Column) else column(model, name) for name in names]


def own_link(label: str | Promise) -> Column:
    """The row itself, as a link to its page."""
    return Column(label, lambda viewer, row: link(viewer.url(row), row))


# --- a record's page ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Fact:
    label: str
    value: Any


class Cell(NamedTuple):
    value: Any
    end: bool


@dataclass
class Section:
    """A table on a record's page; a reason in `note` stands in its place when it cannot be drawn."""

    key: str
    title: str
    headings: list[Column] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    empty: str = ""
    note: str = ""
    more_url: str = ""
    template: str = "admin/kvt/table.html"
    aside: bool = False  # beside the others where there is room
    data: dict[str, Any] = field(default_factory=dict)


def facts(viewer: Viewer, instance: Any, shown: Iterable[str | Column]) -> list[Fact]:
    return [Fact(one.heading, one.draw(viewer, instance)) for one in columns(type(instance), *shown)]


def table(
    viewer: Viewer,
    key: str,
    title: str | Promise,
    rows: Sequence[Any],
    shown: Sequence[Column],
    *,
    empty: str | Promise = "",
    more_url: str = "",
) -> Section:
    drawn = [[Cell(one.draw(viewer, row), one.end) for one in shown] for row in rows]
    return Section(key, str(title), list(shown), drawn, empty=str(empty or _("Nothing here.")), more_url=more_url)


def latest_table(
    viewer: Viewer,
    key: str,
    title: str | Promise,
    rows: QuerySet[Any],
    shown: Sequence[Column],
    *,
    empty: str | Promise = "",
    **more: Any,
) -> Section:
    """The first rows of an ordered queryset; `more` is the filter under which the list shows them all."""
    found = list(rows[: LATEST + 1])
    more_url = viewer.list_url(rows.model, **more) if more and len(found) > LATEST else ""
    return table(viewer, key, title, found[:LATEST], shown, empty=empty, more_url=more_url)


@dataclass(frozen=True)
class Button:
    label: str
    url: str
    icon: str = ""
    primary: bool = False


@dataclass
class Record:
    title: str
    kind: str
    icon: str
    badges: list[Any] = field(default_factory=list)
    lead: Any = ""
    facts: list[Fact] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)

    @property
    def main(self) -> list[Section]:
        return [section for section in self.sections if not section.aside]

    @property
    def beside(self) -> list[Section]:
        return [section for section in self.sections if section.aside]
