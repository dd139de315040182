from __future__ import annotations

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.payments.pages.panels import panels_of
from apps.payments.selectors.activity import activity_hourly, activity_tiles, payments_latest
from kivendtout.csp import socket_url
from kivendtout.lib.clock import now


@never_cache  # customers' numbers and amounts; outermost, so that the way to the sign-in page is not kept either
@require_safe
@login_required
@permission_required("payments.view_payment", raise_exception=True)
def activity(request: HttpRequest) -> HttpResponse:
    moment = now()
    context = {
        "tiles": activity_tiles(now=moment),
        "payments": payments_latest(),
        "hourly": activity_hourly(now=moment),
        "panels": panels_of(request),
        "ws_url": socket_url(request, f"/ws/activity/?language={get_language()}"),
    }
    return render(request, "activity.html", context)
