from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin, listed
from apps.compliance.admin.filters import choice_filter, related_filter
from apps.compliance.admin.periods import period_filter
from apps.compliance.admin.present import Column, Record, Section, Viewer, badge, column, link, own_link
from apps.customers.admin.find import FindMixin
from apps.customers.selectors.search import customer_ids
from apps.payments.admin.cells import money
from apps.payments.admin.payment_page import order_lines
from apps.payments.models import Order

TONES = {"paid": "success", "shipped": "success", "blocked": "danger", "pending": "info"}


def order_badge(order: Order) -> Any:
    return badge(order.get_status_display(), TONES.get(order.status, "neutral"))


@admin.register(Order)
class OrderAdmin(FindMixin, RecordAdmin):
    list_display = ("number", "placed", "state", "paid", "who", "shipping_method")
    list_filter = (
        period_filter("placed_at"),
        related_filter("customer", gettext_lazy("customer")),
        choice_filter(gettext_lazy("status"), "status", lambda: Order.Status.choices),
    )
    search_fields = ("external_id",)
    search_hint = gettext_lazy("A whole order number, customer number, e-mail address or phone number.")
    ordering = ("-placed_at", "-pk")
    sortable_by = ()
    record_icon = "shopping_cart"
    record_facts = (
        "customer",
        "session",
        Column(gettext_lazy("payment"), lambda viewer, row: link(payment_url(viewer, row), row.payment or "—")),
        "placed_at",
        "shipping_method",
    )
    number = listed(own_link(gettext_lazy("order number")))
    placed = listed(column(Order, "placed_at"))
    state = listed(Column(gettext_lazy("status"), lambda _viewer, row: order_badge(row)))
    paid = listed(Column(gettext_lazy("total"), lambda _viewer, row: money(row, "total")))
    who = listed(Column(gettext_lazy("customer"), lambda viewer, row: link(viewer.url(row.customer), row.customer)))

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("customer", "currency").only(
            "external_id",
            "placed_at",
            "status",
            "total",
            "shipping_method",
            "tenant_id",
            "currency__minor_units",
            "customer__external_id",
        )

    def search(self, term: str) -> Q:
        return Q(external_id=term) | Q(customer_id__in=customer_ids(term))

    def record(self, viewer: Viewer, obj: Any) -> Record:
        record = super().record(viewer, obj)
        record.badges = [order_badge(obj)]
        record.lead = money(obj, "total")
        return record

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        return [order_lines(viewer, obj, list(obj.items.select_related("product").order_by("line")))]


def payment_url(viewer: Viewer, order: Order) -> str:
    """The order points at the payment's reference, which has no page of its own."""
    return viewer.url_of("payments.payment", order.payment_id)
