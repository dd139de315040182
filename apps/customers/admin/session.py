from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin
from apps.compliance.admin.filters import choice_filter, country_filter, related_filter
from apps.compliance.admin.present import Section, Viewer, moment
from apps.customers.admin.find import FindMixin
from apps.customers.models import DeviceKind, WebSession
from apps.customers.selectors.search import customer_ids

# Apps above add their tables to a session's page; this one cannot import them.
SESSION_SECTIONS: list[Callable[[Viewer, WebSession], list[Section]]] = []


@admin.register(WebSession)
class WebSessionAdmin(FindMixin, RecordAdmin):
    list_display = ("external_id", "customer", "device_kind", "country", "utm_source", "utm_campaign", "started")
    list_filter = (
        related_filter("customer", gettext_lazy("customer")),
        related_filter("device", gettext_lazy("device")),
        choice_filter(gettext_lazy("device kind"), "device_kind", lambda: DeviceKind.choices),
        country_filter(),
    )
    search_fields = ("external_id",)
    search_hint = gettext_lazy("A whole session number, customer number, e-mail address or phone number.")
    ordering = ("-pk",)
    sortable_by = ()
    record_icon = "web_traffic"
    record_facts = (
        "customer",
        "device",
        "device_kind",
        "country",
        "ip_hash",
        "utm_source",
        "utm_campaign",
        "started_at",
        "ended_at",
    )

    @admin.display(description=gettext_lazy("started at"))
    def started(self, row: Any) -> Any:
        return moment(row.started_at)

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("customer").only(
            "external_id",
            "device_kind",
            "country",
            "utm_source",
            "utm_campaign",
            "started_at",
            "tenant_id",
            "customer__external_id",
        )

    def search(self, term: str) -> Q:
        return Q(external_id=term) | Q(customer_id__in=customer_ids(term))

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        return [section for make in SESSION_SECTIONS for section in make(viewer, obj)]
