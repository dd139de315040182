"""One payment's page: where it stands, how it got there, what the customer did around it, what hangs on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import (
    EMPTY,
    Button,
    Column,
    Fact,
    Record,
    Section,
    Viewer,
    amount,
    badge,
    code,
    column,
    facts,
    link,
    masked,
    moment,
    plain,
    table,
)
from apps.payments.admin.cells import TONES, method_text, money, status_badge
from apps.payments.models import Order, OrderItem, Payment
from apps.payments.selectors.activity import status_labels
from apps.payments.selectors.history import StatusStep, payment_events, payment_orders, payment_status_steps

JOINED = ("reference", "customer", "merchant", "method", "currency", "device", "session", "billing_address")
# Apps above add their tables (alerts, labels); this one cannot import them.
PAYMENT_SECTIONS: list[Callable[[Viewer, Payment], list[Section]]] = []
EVENT_NAMES = {
    "page_view": gettext_lazy("Viewed a page"),
    "search": gettext_lazy("Searched"),
    "product_view": gettext_lazy("Viewed a product"),
    "add_to_cart": gettext_lazy("Added to cart"),
    "remove_from_cart": gettext_lazy("Removed from cart"),
    "view_cart": gettext_lazy("Viewed the cart"),
    "checkout_start": gettext_lazy("Began checkout"),
    "add_payment_method": gettext_lazy("Added a payment method"),
    "payment_attempt": gettext_lazy("Tried to pay"),
    "payment_success": gettext_lazy("Payment succeeded"),
    "payment_failed": gettext_lazy("Payment failed"),
}
EVENT_TONES = {
    "payment_success": "success",
    "payment_failed": "danger",
    "payment_attempt": "warning",
    "add_payment_method": "warning",
    "checkout_start": "info",
}


def record(viewer: Viewer, payment: Payment, buttons: list[Button]) -> Record:
    return Record(
        title=payment.reference.external_id,
        kind=_("payment"),
        icon="payments",
        badges=[status_badge(viewer, payment.status_id)],
        lead=money(payment),
        facts=summary(viewer, payment),
        sections=[
            status_history(payment),
            session_timeline(viewer, payment),
            *(section for make in PAYMENT_SECTIONS for section in make(viewer, payment)),
            *basket(payment),
            *orders(viewer, payment),
            means(viewer, payment),
            identifiers(payment),
        ],
        buttons=buttons,
    )


def summary(viewer: Viewer, payment: Payment) -> list[Fact]:
    shown = [
        column(Payment, "attempted_at"),
        column(Payment, "customer"),
        column(Payment, "merchant"),
        Column(gettext_lazy("method"), lambda who, row: link(who.url(row.method), method_text(who, row.method))),
        column(Payment, "payment_country"),
        column(Payment, "failure_code"),
    ]
    return facts(viewer, payment, shown)


# --- the status, step by step ---------------------------------------------------------------------------------------
def status_history(payment: Payment) -> Section:
    labels = status_labels()
    steps = [_status_step(step, labels) for step in payment_status_steps(payment=payment)]
    steps[-1]["current"] = True
    return Section("history", _("Status history"), template="admin/kvt/timeline.html", data={"steps": steps})


def _status_step(step: StatusStep, labels: dict[str, str]) -> dict[str, Any]:
    label = labels.get(step.status, step.status)
    if not step.before:
        who = _("Recorded by %(path)s") % {"path": step.who} if step.who else ""
        title = _("Recorded as: %(status)s") % {"status": label}
    else:
        title, who = f"{labels.get(step.before, step.before)} → {label}", step.who
    trace = format_html(' <span class="kvt-code">{}</span>', step.trace_id) if step.trace_id else ""
    return {
        "title": title,
        "when": moment(step.at),
        "tone": TONES.get(step.status, "neutral"),
        "text": step.why,
        "who": format_html("{}{}", who, trace),
    }


# --- what the customer did ------------------------------------------------------------------------------------------
def session_timeline(viewer: Viewer, payment: Payment) -> Section:
    events = payment_events(payment=payment)
    title = _("Session events") if events.of_session else _("Customer's events around the payment")
    empty = _("No event is stored for this visit.")
    section = Section("events", title, template="admin/kvt/timeline.html", aside=True, empty=empty)
    if not events.of_session:
        section.empty = _("The payment names no session, and the customer has no event near it.")
    if not events.available:
        section.note = _("The document store does not answer, so events cannot be shown. Everything else is complete.")
    elif events.cut:
        section.note = _("The first %(number)s events are shown.") % {"number": len(events.documents)}
    section.data = {"steps": [_event(one, payment) for one in events.documents]}
    return section


def _event(document: dict[str, Any], payment: Payment) -> dict[str, Any]:
    kind = str(document.get("type", ""))
    ours = document.get("payment_id") == payment.reference.external_id
    details = (
        document.get("product_id"),
        document.get("order_id"),
        document.get("payment_id"),
        document.get("cart_value"),
    )
    return {
        "title": EVENT_NAMES.get(kind, kind),
        "when": moment(document["at"]),
        "tone": EVENT_TONES.get(kind, "neutral"),
        "text": " · ".join(str(one) for one in details if one not in (None, "")),
        "current": ours,
    }


# --- what was bought ------------------------------------------------------------------------------------------------
def basket(payment: Payment) -> list[Section]:
    """What the sender told of it: all there is when the payment failed, and no order came of it."""
    cart_at, size, restricted = payment.cart_at, payment.basket_size, payment.adult_restricted
    if cart_at is None and size is None and restricted is None:
        return []
    section = Section("basket", _("Basket"))
    section.facts = [Fact(_("Last cart event"), moment(cart_at))]
    if cart_at is not None:
        seconds = round((payment.attempted_at - cart_at).total_seconds())
        section.facts.append(Fact(_("From cart to payment"), _("%(seconds)s s") % {"seconds": seconds}))
    section.facts.append(Fact(_("Articles"), plain(size)))
    section.facts.append(Fact(_("Adults only"), badge("18+", "warning") if restricted else plain(restricted)))
    return [section]


def orders(viewer: Viewer, payment: Payment) -> list[Section]:
    found = payment_orders(payment=payment)
    if not found:
        return [Section("order", _("Order"), empty=_("No order names this payment."))]
    return [_order(viewer, order) for order in found]


def _order(viewer: Viewer, order: Order) -> Section:
    section = order_lines(viewer, order, list(order.items.all()))
    section.key, section.title = f"order-{order.pk}", _("Order %(number)s") % {"number": order.external_id}
    section.facts = facts(
        viewer,
        order,
        [
            Column(gettext_lazy("order number"), lambda who, row: link(who.url(row), row.external_id)),
            column(Order, "status"),
            column(Order, "placed_at"),
            Column(gettext_lazy("total"), lambda _viewer, row: money(row, "total")),
            column(Order, "shipping_method"),
        ],
    )
    return section


def order_lines(viewer: Viewer, order: Order, lines: list[OrderItem]) -> Section:
    digits = order.currency.minor_units
    shown = [
        column(OrderItem, "line"),
        Column(gettext_lazy("product"), lambda who, row: link(who.url(row.product), row.product)),
        Column(
            gettext_lazy("adults only"),
            lambda _v, row: badge("18+", "warning") if row.product.adult_restricted else EMPTY,
        ),
        Column(gettext_lazy("quantity"), lambda _viewer, row: row.quantity, end=True),
        Column(gettext_lazy("unit price"), lambda _v, row: amount(row.unit_price, order.currency_id, digits), end=True),
    ]
    return table(viewer, "lines", _("Order lines"), lines, shown, empty=_("This order has no lines."))


# --- with what, from where ------------------------------------------------------------------------------------------
def means(viewer: Viewer, payment: Payment) -> Section:
    section = Section("means", _("Method, device, session"))
    method, device, session = payment.method, payment.device, payment.session
    section.facts = [
        Fact(_("Method"), link(viewer.url(method), method_text(viewer, method))),
        Fact(_("Issuer country"), method.issuer_country or EMPTY),
        Fact(_("Device"), link(viewer.url(device), device) if device else EMPTY),
        Fact(_("Session"), link(viewer.url(session), session) if session else EMPTY),
        Fact(_("Source"), (session.utm_source if session else "") or EMPTY),
        Fact(_("Session country"), (session.country if session else "") or EMPTY),
        Fact(_("Network address"), masked(payment.ip_hash)),
        Fact(_("Address country"), payment.ip_country or EMPTY),
        Fact(_("Billing address"), link(viewer.url(payment.billing_address), payment.billing_address or EMPTY)),
        Fact(_("Billing country"), payment.billing_country or EMPTY),
    ]
    return section


def identifiers(payment: Payment) -> Section:
    names = {
        _("Payment number"): payment.reference.external_id,
        _("Internal id"): payment.pk,
        _("Customer id"): payment.customer_id,
        _("Method id"): payment.method_id,
        _("Device id"): payment.device_id,
        _("Session id"): payment.session_id,
        _("Partition"): f"payments_payment_{payment.attempted_at:%Y_%m}",
        _("Recorded by"): payment.recorded_by,
    }
    section = Section("identifiers", _("Identifiers"))
    section.facts = [Fact(label, code(value if value is not None else "")) for label, value in names.items()]
    section.facts.append(Fact(_("Recorded at"), moment(payment.recorded_at)))
    return section
