"""How payments' own values are drawn, in lists and on pages alike."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import Column, Viewer, amount, badge, link, masked, moment
from apps.payments.models import PaymentMethod
from apps.payments.selectors.activity import status_labels

TONES = {
    "success": "success",
    "failed": "danger",
    "blocked": "danger",
    "charged_back": "danger",
    "disputed": "warning",
    "pending": "info",
    "cancelled": "neutral",
    "refunded": "neutral",
}
# Encrypted or heavy columns of what a payment's row joins: a list reads none of them.
LIST_COLUMNS = (
    "attempted_at",
    "tenant_id",
    "amount",
    "currency__minor_units",
    "status_id",
    "payment_country",
    "reference__external_id",
    "customer__external_id",
    "merchant__name",
    "method__kind",
    "method__bin",
    "method__last_four",
)
JOINED = ("reference", "customer", "merchant", "method", "currency")


def status_badge(viewer: Viewer, code: str) -> SafeString:
    labels = getattr(viewer, "status_labels", None)
    if labels is None:
        labels = viewer.status_labels = status_labels()  # type: ignore[attr-defined]  # once a page
    return badge(labels.get(code, code), TONES.get(code, "neutral"))


def method_text(viewer: Viewer, method: PaymentMethod) -> Any:
    """The kind for everyone; a card's first and last digits for those who may reveal."""
    if not method.bin and not method.last_four:
        return method.get_kind_display()
    if not viewer.reveals:
        return format_html("{} {}", method.get_kind_display(), masked("x"))
    digits = f"{method.bin or '······'}…{method.last_four or '····'}"
    return format_html('{} <span class="kvt-code">{}</span>', method.get_kind_display(), digits)


def payment_columns(*, customer: bool = True) -> list[Column]:
    columns = [
        Column(gettext_lazy("payment number"), lambda viewer, row: link(viewer.url(row), row.reference.external_id)),
        Column(gettext_lazy("attempted at"), lambda _viewer, row: moment(row.attempted_at)),
        Column(gettext_lazy("status"), lambda viewer, row: status_badge(viewer, row.status_id)),
        Column(gettext_lazy("amount"), lambda _viewer, row: money(row), end=True),
    ]
    if customer:
        columns.append(
            Column(gettext_lazy("customer"), lambda viewer, row: link(viewer.url(row.customer), row.customer))
        )
    return [
        *columns,
        Column(gettext_lazy("merchant"), lambda _viewer, row: row.merchant or "—"),
        Column(gettext_lazy("method"), lambda viewer, row: method_text(viewer, row.method)),
        Column(gettext_lazy("country"), lambda _viewer, row: row.payment_country or "—"),
    ]


def money(row: Any, name: str = "amount") -> SafeString:
    return amount(getattr(row, name), row.currency_id, row.currency.minor_units)
