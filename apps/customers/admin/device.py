from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.present import Section, Viewer, columns, latest_table, masked, moment, own_link
from apps.customers.admin.reveal import RevealMixin
from apps.customers.models import Device, DeviceKind, WebSession

# Apps above add their tables to a device's page; this one cannot import them.
DEVICE_SECTIONS: list[Callable[[Viewer, Device], list[Section]]] = []


@admin.register(Device)
class DeviceAdmin(RevealMixin, RecordAdmin):
    list_display = ("pk", "masked_fingerprint", "kind", "os", "browser", "first_seen")
    list_filter = (choice_filter(gettext_lazy("kind"), "kind", lambda: DeviceKind.choices),)
    search_fields = ("fingerprint",)
    search_hint = gettext_lazy("A whole device fingerprint.")
    ordering = ("-pk",)
    sortable_by = ()
    record_icon = "devices"
    record_facts = ("fingerprint", "kind", "os", "browser", "first_seen_at")

    @admin.display(description=gettext_lazy("fingerprint"))
    def masked_fingerprint(self, row: Any) -> Any:
        return masked(row.fingerprint)

    @admin.display(description=gettext_lazy("first seen"))
    def first_seen(self, row: Any) -> Any:
        return moment(row.first_seen_at)

    def search(self, term: str) -> Q:
        return Q(fingerprint=term)

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        shown = columns(
            WebSession, own_link(gettext_lazy("session")), "customer", "country", "utm_source", "started_at"
        )
        sessions = obj.sessions.select_related("customer").order_by("-started_at")
        visits = latest_table(viewer, "sessions", _("Sessions"), light_customer(sessions), shown, device=obj.pk)
        return [*(section for make in DEVICE_SECTIONS for section in make(viewer, obj)), visits]


def light_customer(queryset: Any) -> Any:
    """The customer's number comes along; what is encrypted stays where it is."""
    names = ("first_name", "last_name", "email", "phone", "birth_date")
    return queryset.defer(*(f"customer__{name}" for name in names))
