"""The living style guide, with sample figures that belong to nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

NOON = datetime(2025, 11, 25, 12, 0, 0, tzinfo=UTC)
# Enough pages for the pagination to need its ellipsis.
SAMPLE_ROWS, ROWS_A_PAGE = 4_212, 25


def _rows() -> list[tuple[str, str, str, str, str, str]]:
    card, wallet, transfer = _("Card"), _("Wallet"), _("Bank transfer")
    return [
        ("86.70", "EUR", "failed", _("Failed"), card, "web_mobile"),
        ("1249.00", "EUR", "succeeded", _("Succeeded"), card, "ios"),
        ("47.83", "GBP", "succeeded", _("Succeeded"), wallet, "android"),
        ("12.30", "EUR", "pending", _("Pending"), transfer, "web_desktop"),
        ("237.90", "CHF", "refunded", pgettext("payment", "Refunded"), card, "web_desktop"),
        ("5.00", "EUR", "authorized", _("Authorised"), wallet, "ios"),
    ]


def _decisions() -> list[dict[str, Any] | None]:
    allowed = {"outcome": "ALLOW", "label": _("Allowed"), "url": ""}
    check = {"outcome": "CHALLENGE", "label": _("To check"), "url": "#sg-data"}
    denied = {"outcome": "DENY", "label": _("Denied"), "url": "#sg-data"}
    return [
        {**denied, "severity": "high", "severity_label": _("High")},
        {**check, "severity": "medium", "severity_label": _("Medium")},
        {**check, "severity": "low", "severity_label": _("Low")},
        allowed,
        allowed,
        None,
    ]


def sample_payments() -> list[dict[str, Any]]:
    decisions = _decisions()
    merchants = ("Librairie du Port", "Atelier Nord & Fils", "Vélo-Cité", "Maison Lune", "Grand Bazar", "Café Rivage")
    return [
        {
            "id": number,
            "external_id": f"PAY{493 + number:07d}",
            "attempted_at": NOON - timedelta(seconds=37 * number),
            "customer_external_id": f"C{1652 + number:05d}",
            "merchant_name": merchants[number],
            "amount": Decimal(amount),
            "currency": currency,
            "status": status,
            "status_label": label,
            "method_label": method,
            "country": ("FR", "BE", "GB", "IT", "CH", "DE")[number],
            "device_kind": device,
            "url": "#sg-data",
            "decision": decisions[number],
        }
        for number, (amount, currency, status, label, method, device) in enumerate(_rows())
    ]


def sample_tiles() -> list[dict[str, str]]:
    return [
        {"label": _("Payments in 24 h"), "value": "18 432", "hint": _("612 in the last hour"), "tone": ""},
        {"label": _("Success rate"), "value": "94,2 %", "hint": _("As usual"), "tone": "success"},
        {"label": _("Volume in EUR"), "value": "1 204 881", "hint": _("24 h"), "tone": ""},
        {"label": _("Customers"), "value": "9 077", "hint": _("Distinct, 24 h"), "tone": ""},
        {"label": _("Live rate"), "value": "2,4/s", "hint": _("Twice the usual"), "tone": "warning"},
    ]


def sample_hours() -> list[dict[str, Any]]:
    counts = (
        212,
        148,
        96,
        61,
        44,
        52,
        120,
        310,
        560,
        720,
        810,
        846,
        902,
        870,
        815,
        790,
        804,
        880,
        1010,
        1104,
        990,
        702,
        480,
        612,
    )
    start = NOON - timedelta(hours=len(counts) - 1)
    return [{"hour": start + timedelta(hours=number), "count": count} for number, count in enumerate(counts)]


def style_guide(request: HttpRequest) -> HttpResponse:
    page = Paginator(range(SAMPLE_ROWS), ROWS_A_PAGE).get_page(request.GET.get("page", 7))
    context = {
        "tiles": sample_tiles(),
        "payments": sample_payments(),
        "page": page,
        "page_range": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
    }
    return render(request, "styleguide.html", context)
