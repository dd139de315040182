"""The alerts that wait, on the activity page; static/js/live-alerts.js keeps them up to date."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language

from apps.fraud.selectors.alert_feed import alerts_number, alerts_open
from kivendtout.csp import socket_url
from kivendtout.lib.tenancy import require_tenant_id

PERMISSION = "fraud.view_fraudalert"


def alert_panel(request: HttpRequest) -> dict[str, Any] | None:
    if not request.user.has_perm(PERMISSION):
        return None
    tenant_id, language = require_tenant_id(), get_language() or "fr"
    # The number first: what changes between the two is told again, which does no harm.
    number = alerts_number(tenant_id)
    return {
        "template": "components/alert_panel.html",
        "number": number,
        "alerts": alerts_open(tenant_id=tenant_id, language=language),
        "ws_url": socket_url(request, f"/ws/alerts/?language={language}"),
        "all_url": reverse("admin:fraud_fraudalert_changelist"),
    }
