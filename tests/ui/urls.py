"""The project's pages, and a few of ours that need no database: the real middleware and templates, sample data."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views import defaults
from django.views.csrf import csrf_failure

from kivendtout.style_guide import sample_hours, sample_payments, sample_tiles, style_guide

ANALYST = SimpleNamespace(
    pk=1,
    is_authenticated=True,
    is_active=True,
    is_staff=True,
    full_name="Inès Moreau",
    email="ines@example.com",
    tenant="KiVendTout",
    has_perm=lambda *_: True,
    has_module_perms=lambda *_: True,
)


def signed_in(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def wrapped(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        request.user = ANALYST  # type: ignore[assignment]
        return view(request, **kwargs)

    return wrapped


def activity(request: HttpRequest) -> HttpResponse:
    port = request.GET.get("port")
    empty = "empty" in request.GET
    return render(
        request,
        "activity.html",
        {
            "tiles": sample_tiles(),
            "payments": [] if empty else sample_payments(),
            "hourly": [] if empty else sample_hours(),
            "ws_url": f"ws://127.0.0.1:{port}/ws/activity/" if port else "",
        },
    )


def flash(request: HttpRequest) -> HttpResponse:
    messages.error(request, "It failed.")
    return activity(request)


def error(request: HttpRequest, code: str) -> HttpResponse:
    if code == "csrf":
        return csrf_failure(request)
    if code == "maintenance":
        return render(request, "maintenance.html", status=503)
    views = {"400": defaults.bad_request, "403": defaults.permission_denied, "404": defaults.page_not_found}
    if code == "500":
        return defaults.server_error(request)
    response: HttpResponse = views[code](request, Exception("sample"))
    return response


urlpatterns = [
    path("_ui/activity/", signed_in(activity)),
    path("_ui/flash/", signed_in(flash)),
    path("_ui/styleguide/", signed_in(style_guide)),
    path("_ui/error/<str:code>/", error),
    path("_ui/password/", signed_in(lambda request: render(request, "registration/password_change_form.html"))),
    path("_ui/password/done/", signed_in(lambda request: render(request, "registration/password_change_done.html"))),
    path("_ui/logged-out/", lambda request: render(request, "registration/logged_out.html")),
    path("", include("kivendtout.urls")),
]
