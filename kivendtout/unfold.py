"""The admin site's dress: our name, colours and navigation for django-unfold."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from kivendtout.context_processors import chosen_theme

# A number that fits the menu; the list tells the rest.
MOST_WAITING = 99


class AdminPage(NamedTuple):
    """A page that is no model's."""

    title: Any
    url_name: str
    permission: str


# Group title, then (model or page, Material icon). What is not registered, or not this person's to view, is left out.
NAVIGATION: tuple[tuple[Any, tuple[tuple[str | AdminPage, str], ...]], ...] = (
    (
        _("Payments"),
        (
            ("payments.Payment", "payments"),
            ("payments.Order", "shopping_cart"),
            ("payments.PaymentMethod", "credit_card"),
            ("payments.PaymentStateChange", "history"),
        ),
    ),
    (
        _("Fraud"),
        (
            ("fraud.Decision", "gavel"),
            ("fraud.FraudAlert", "notification_important"),
            ("fraud.Anomaly", "troubleshoot"),
            ("fraud.FraudLabel", "label"),
            ("fraud.Rule", "rule"),
            ("fraud.RuleSet", "inventory"),
            ("fraud.Scorer", "model_training"),
            ("fraud.ScorerChange", "published_with_changes"),
            ("fraud.FraudList", "playlist_add_check"),
            ("fraud.ListEntry", "format_list_bulleted"),
            ("fraud.DeadLetter", "unsubscribe"),
        ),
    ),
    (
        _("Customers"),
        (
            ("customers.Customer", "group"),
            ("customers.Address", "home_pin"),
            ("customers.Device", "devices"),
            ("customers.WebSession", "web_traffic"),
            ("customers.Consent", "fact_check"),
        ),
    ),
    (
        _("Reference data"),
        (
            ("payments.Merchant", "storefront"),
            ("payments.Product", "inventory_2"),
            ("payments.Currency", "euro"),
            ("payments.PaymentStatus", "flag"),
            ("payments.PaymentTransition", "swap_horiz"),
        ),
    ),
    (
        _("People and access"),
        (
            ("compliance.Tenant", "domain"),
            ("compliance.User", "person"),
            ("auth.Group", "badge"),
            ("compliance.ApiKey", "key"),
        ),
    ),
    (
        _("Supervision"),
        (
            ("fraud.OperationalAlert", "monitor_heart"),
            ("fraud.ScorerWatch", "monitoring"),
            (AdminPage(_("Stream"), "admin:fraud_stream", "fraud.view_outbox"), "stream"),
            ("fraud.AnomalyDetector", "sensors"),
            ("compliance.AuditEntry", "policy"),
            ("django_celery_beat.PeriodicTask", "schedule"),
            ("django_celery_beat.IntervalSchedule", "timer"),
            ("django_celery_beat.CrontabSchedule", "calendar_clock"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar for this person: groups without anything to show are not shown."""
    groups = [
        {"title": title, "separator": True, "collapsible": False, "items": _items(request, models)}
        for title, models in NAVIGATION
    ]
    return [group for group in groups if group["items"]]


def _items(request: HttpRequest, entries: tuple[tuple[str | AdminPage, str], ...]) -> list[dict[str, Any]]:
    items = (
        _page_item(request, one, icon) if isinstance(one, AdminPage) else _item(request, one, icon)
        for one, icon in entries
    )
    return [item for item in items if item]


def _page_item(request: HttpRequest, page: AdminPage, icon: str) -> dict[str, Any] | None:
    if not request.user.has_perm(page.permission):
        return None
    return {"title": page.title, "icon": icon, "link": reverse(page.url_name)}


def _item(request: HttpRequest, label: str, icon: str) -> dict[str, Any] | None:
    try:
        model = apps.get_model(label)
    except LookupError:
        return None
    model_admin = admin.site._registry.get(model)
    if model_admin is None or not model_admin.has_view_permission(request):
        return None
    try:
        link = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    except NoReverseMatch:
        return None
    title = str(model._meta.verbose_name_plural)
    item = {"title": title[:1].upper() + title[1:], "icon": icon, "link": link}
    waiting = _waiting(label, model)
    return {**item, "badge": waiting, "badge_variant": "danger"} if waiting else item


def _waiting(label: str, model: Any) -> int:
    """How many wait for somebody, where the menu itself must say so."""
    from kivendtout.lib.tenancy import current_tenant_id  # it needs settings, which are reading this file

    if label != "fraud.OperationalAlert" or current_tenant_id() is None:
        return 0
    count: int = model.objects.filter(status="open")[:MOST_WAITING].count()
    return count


def environment(_request: HttpRequest) -> list[Any]:
    """The label beside the person's name: nobody should mistake a development machine for the real one."""
    if settings.DEMO:
        return [_("Demonstration"), "info"]
    return [_("Development"), "warning"] if settings.DEBUG else [_("Production"), "success"]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The hook for the admin's first page; the console's Activity page holds the live figures."""
    context["console_url"] = "/"
    return context


def _asset(path: str) -> Any:
    return lambda _request: static(path)


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("KiVendTout fraud operations"),
    "SITE_HEADER": "KiVendTout",
    "SITE_SUBHEADER": _("Fraud operations"),
    "SITE_URL": "/",
    "SITE_ICON": _asset("icons/logo.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _asset("icons/favicon.svg")}],
    "STYLES": [_asset("css/admin.css")],
    "SHOW_LANGUAGES": True,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": True,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "kivendtout.unfold.environment",
    "DASHBOARD_CALLBACK": "kivendtout.unfold.dashboard",
    # The choice made in the console holds here; without one, unfold follows the system and offers its own switch.
    "THEME": lambda request: chosen_theme(request) or None,
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "base": {
            "50": "#f3f6f5",
            "100": "#eaefed",
            "200": "#d8e0dd",
            "300": "#bac7c4",
            "400": "#8c9d99",
            "500": "#5b6b68",
            "600": "#475754",
            "700": "#2c3a38",
            "800": "#1a2524",
            "900": "#131c1b",
            "950": "#0c1312",
        },
        "primary": {
            "50": "#eef8f6",
            "100": "#dceeeb",
            "200": "#b5ded8",
            "300": "#8adbd2",
            "400": "#6fd0c6",
            "500": "#56c5ba",
            "600": "#0b5f5b",
            "700": "#0a4f4c",
            "800": "#084a47",
            "900": "#12312e",
            "950": "#04211f",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": False,
        "show_all_applications": False,
        "navigation": navigation,
    },
}
