"""What machines ask: is it alive, is it ready, what does it count."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

from kivendtout.api_errors import problem_response
from kivendtout.lib.errors import NotAllowed
from kivendtout.lib.health import readiness

LOOPBACK = {"127.0.0.1", "::1"}


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"alive": True})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    state = readiness()
    return JsonResponse(state, status=200 if state["ready"] else 503)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures say how the business goes: a scraper on this machine, or one that knows the token, and nobody else.

    A proxy on this machine would make everybody local, so a forwarded request needs the token too.
    """
    local = request.META.get("REMOTE_ADDR") in LOOPBACK and "HTTP_X_FORWARDED_FOR" not in request.META
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    if local or (settings.METRICS_TOKEN and hmac.compare_digest(sent, settings.METRICS_TOKEN.encode())):
        response: HttpResponse = ExportToDjangoView(request)
        return response
    return problem_response(NotAllowed("Metrics are for scrapers: send METRICS_TOKEN as a bearer token."))
