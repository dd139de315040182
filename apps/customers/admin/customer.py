from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin
from apps.compliance.admin.filters import choice_filter, country_filter
from apps.compliance.admin.periods import period_filter
from apps.compliance.admin.present import (
    Record,
    Section,
    Viewer,
    badge,
    columns,
    latest_table,
    masked,
    moment,
    own_link,
)
from apps.compliance.admin.search import prefix
from apps.customers.admin.find import FindMixin
from apps.customers.admin.reveal import RevealMixin
from apps.customers.models import Address, Consent, Customer, Segment, WebSession
from apps.customers.selectors.search import exactly, is_personal

# Apps above add their tables to a customer's page; this one cannot import them.
CUSTOMER_SECTIONS: list[Callable[[Viewer, Customer], list[Section]]] = []
PERSONAL = ("first_name", "last_name", "email", "phone", "birth_date")


def is_there(name: str, label: Any) -> Any:
    """A masked column that knows only whether there is a value: the list decrypts nothing."""

    @admin.display(description=label)
    def shown(self: Any, row: Any) -> Any:
        return masked("x" if getattr(row, f"has_{name}") else None)

    return shown


@admin.register(Customer)
class CustomerAdmin(FindMixin, RevealMixin, RecordAdmin):
    list_display = ("external_id", "name", "e_mail", "telephone", "country", "segment", "registered")
    list_filter = (
        period_filter("registered_at"),
        country_filter(),
        choice_filter(gettext_lazy("segment"), "segment", lambda: Segment.choices),
    )
    search_fields = ("external_id",)
    search_hint = gettext_lazy(
        "The beginning of a customer number, or a whole e-mail address or phone number. Names cannot be searched."
    )
    ordering = ("-registered_at", "-pk")
    sortable_by = ()
    record_icon = "person"
    record_facts = (*PERSONAL, "declared_minor", "country", "segment", "preferred_device", "registered_at")
    name = is_there("last_name", gettext_lazy("name"))
    e_mail = is_there("email", gettext_lazy("e-mail"))
    telephone = is_there("phone", gettext_lazy("phone"))

    @admin.display(description=gettext_lazy("registered at"))
    def registered(self, row: Customer) -> Any:
        return moment(row.registered_at)

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        present = {f"has_{name}": Q(**{f"{name}__isnull": False}) for name in ("last_name", "email", "phone")}
        return queryset.defer(*PERSONAL).annotate(**present)

    def search(self, term: str) -> Q:
        return exactly(term) if is_personal(term) or "," in term else prefix("external_id", term)

    def record(self, viewer: Viewer, obj: Any) -> Record:
        record = super().record(viewer, obj)
        record.badges = [badge(obj.get_segment_display(), "info"), badge(obj.country)]
        return record

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        return [section for make in (*CUSTOMER_SECTIONS, belongings) for section in make(viewer, obj)]


def belongings(viewer: Viewer, customer: Customer) -> list[Section]:
    addresses = columns(Address, own_link(gettext_lazy("address")), "street", "postal_code", "city", "added_at")
    sessions = columns(
        WebSession, own_link(gettext_lazy("session")), "device_kind", "country", "utm_source", "started_at"
    )
    consents = columns(Consent, "purpose", "granted", "source", "answered_at")
    # Street and the like are masked: what a list shows of them is that they are there.
    return [
        latest_table(
            viewer, "sessions", _("Sessions"), customer.sessions.order_by("-started_at"), sessions, customer=customer.pk
        ),
        latest_table(
            viewer, "addresses", _("Addresses"), customer.addresses.order_by("-pk"), addresses, customer=customer.pk
        ),
        latest_table(
            viewer,
            "consents",
            _("Consents"),
            customer.consents.order_by("-answered_at"),
            consents,
            customer=customer.pk,
        ),
    ]
