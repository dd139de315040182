"""Payments on the pages of customers, devices and sessions."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import (
    LATEST,
    Column,
    Section,
    Viewer,
    column,
    latest_table,
    link,
    moment,
    own_link,
    table,
)
from apps.customers.models import Customer, Device, WebSession
from apps.payments.admin.cells import JOINED, LIST_COLUMNS, method_text, money, payment_columns
from apps.payments.models import Order, Payment, PaymentMethod
from apps.payments.selectors.devices import devices_of_customer


def payments_of(queryset: QuerySet[Payment]) -> QuerySet[Payment]:
    return queryset.select_related(*JOINED).only(*LIST_COLUMNS).order_by("-attempted_at", "-reference_id")


def of_customer(viewer: Viewer, customer: Customer) -> list[Section]:
    key = customer.pk
    payments = payments_of(Payment.objects.filter(customer_id=key))
    methods = PaymentMethod.objects.filter(customer_id=key).order_by("-pk")
    orders = Order.objects.filter(customer_id=key).select_related("currency").order_by("-placed_at")
    return [
        latest_table(viewer, "payments", _("Payments"), payments, payment_columns(customer=False), customer=key),
        latest_table(viewer, "methods", _("Payment methods"), methods, method_columns(), customer=key),
        latest_table(viewer, "orders", _("Orders"), orders, order_columns(), customer=key),
        seen_devices(viewer, customer),
    ]


def seen_devices(viewer: Viewer, customer: Customer) -> Section:
    seen = devices_of_customer(customer_id=customer.pk, limit=LATEST)
    shown = [
        Column(gettext_lazy("device"), lambda who, row: link(who.url(row.device), row.device)),
        Column(gettext_lazy("browser"), lambda _viewer, row: row.device.browser or "—"),
        Column(gettext_lazy("last used"), lambda _viewer, row: moment(row.last_used)),
        Column(gettext_lazy("payments"), lambda _viewer, row: row.payments, end=True),
        Column(gettext_lazy("sessions"), lambda _viewer, row: row.sessions, end=True),
    ]
    return table(viewer, "devices", _("Devices seen"), seen, shown)


def of_device(viewer: Viewer, device: Device) -> list[Section]:
    payments = payments_of(Payment.objects.filter(device_id=device.pk))
    return [latest_table(viewer, "payments", _("Payments"), payments, payment_columns(), device=device.pk)]


def of_session(viewer: Viewer, session: WebSession) -> list[Section]:
    """By way of the customer, whose payments an index finds; none names the session alone."""
    payments = payments_of(Payment.objects.filter(customer_id=session.customer_id, session_id=session.pk))
    orders = Order.objects.filter(session_id=session.pk).select_related("currency").order_by("-placed_at")
    return [
        latest_table(viewer, "payments", _("Payments"), payments, payment_columns(customer=False)),
        latest_table(viewer, "orders", _("Orders"), orders, order_columns()),
    ]


def method_columns() -> list[Column]:
    return [
        Column(gettext_lazy("method"), lambda viewer, row: link(viewer.url(row), method_text(viewer, row))),
        column(PaymentMethod, "issuer_country"),
    ]


def order_columns() -> list[Column]:
    return [
        own_link(gettext_lazy("order number")),
        column(Order, "placed_at"),
        column(Order, "status"),
        Column(gettext_lazy("total"), lambda _viewer, row: money(row, "total"), end=True),
    ]
