"""The page "Stream": how far the workers have read, what waits to be published, and what a person should do.

No model's page: what it shows is Kafka's and the outbox's, of every tenant together, in counts only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.fraud.admin.stream_figures import figures
from apps.fraud.selectors.stream_figures import StreamStatus
from apps.fraud.selectors.stream_status import stream_status
from kivendtout.lib.clock import now

PERMISSION: Final = "fraud.view_outbox"
# Ten open pages ask Kafka no more often than one does.
KEPT_SECONDS: Final = 3.0


class Recent:
    """The last answer, for as long as it is news; who asks meanwhile waits for the one that asks."""

    def __init__(self, ask: Callable[[datetime], StreamStatus]) -> None:
        self.ask, self.lock = ask, threading.Lock()
        self.status: StreamStatus | None = None
        self.until = 0.0

    def __call__(self) -> StreamStatus:
        with self.lock:
            if self.status is None or monotonic() >= self.until:
                self.status = self.ask(now())
                self.until = monotonic() + KEPT_SECONDS
            return self.status


recent = Recent(lambda moment: stream_status(now=moment))


@never_cache
@require_safe
def stream_page(request: HttpRequest) -> HttpResponse:
    """The page; with `?part`, what changes on it, for `static/js/refresh.js`."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    context: dict[str, Any] = {"figures": figures(recent())}
    if "part" in request.GET:
        return TemplateResponse(request, "admin/fraud/stream/figures.html", context)
    context |= admin.site.each_context(request) | {"title": _("Stream")}
    return TemplateResponse(request, "admin/fraud/stream/page.html", context)


_site_urls = admin.site.get_urls


def _urls() -> list[URLPattern | URLResolver]:
    page = path("fraud/stream/", admin.site.admin_view(stream_page), name="fraud_stream")
    return [page, *_site_urls()]


admin.site.get_urls = _urls  # type: ignore[method-assign]  # the site object is unfold's
