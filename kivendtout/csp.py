"""What a browser may load and do on our pages, and the one place where the rule is looser: the admin site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port

SELF, NOTHING = "'self'", "'none'"

# django-unfold 0.91 cannot live under the strict policy, measured page by page:
# - its Alpine.js compiles every x-… attribute with `new Function` (hence unsafe-eval). Alpine's CSP build is no way
#   out: the templates use arrow functions, `if` statements and localStorage, which that build does not parse;
# - it writes its theme colours in a <style> element, htmx and simplebar add one each, and some templates carry style
#   attributes (hence unsafe-inline, for styles only).
# Inline *scripts* stay forbidden there too. Nobody but staff reaches these pages.
ADMIN_ALSO_ALLOWS = {"script-src": ("'unsafe-eval'",), "style-src": ("'unsafe-inline'",)}

# Device features that no page of ours uses.
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "autoplay",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
        "xr-spatial-tracking",
    )
)


def policy(socket_url: str) -> dict[str, Any]:
    """The value of CONTENT_SECURITY_POLICY. `{host}` in the socket's address is filled in per request, further down."""
    sockets = () if "{host}" in socket_url else (_origin(socket_url),)
    return {
        "DIRECTIVES": {
            "default-src": (SELF,),
            "script-src": (SELF,),
            "style-src": (SELF,),
            "img-src": (SELF, "data:"),  # data: for images drawn in the page, such as a chart saved as a picture
            "font-src": (SELF,),
            "connect-src": (SELF, *sockets),
            "object-src": (NOTHING,),
            "base-uri": (NOTHING,),
            "form-action": (SELF,),
            "frame-ancestors": (NOTHING,),
            "frame-src": (NOTHING,),
        }
    }


def socket_url(request: HttpRequest, path: str) -> str:
    """The address the page opens its socket at; WS_PUBLIC_URL may name the request's host as `{host}`."""
    return settings.WS_PUBLIC_URL.format(host=_hostname(request)).rstrip("/") + path


def _hostname(request: HttpRequest) -> str:
    # get_host() has checked the name against ALLOWED_HOSTS; only the port differs between HTTP and sockets.
    return split_domain_port(request.get_host())[0]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class SecurityHeadersMiddleware:
    """Stands after CSPMiddleware in the list, so that it adds to the policy before that one writes it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        update: dict[str, tuple[str, ...]] = {}
        if "{host}" in settings.WS_PUBLIC_URL:
            update["connect-src"] = (_origin(socket_url(request, "")),)
        if request.path_info.startswith("/admin/"):
            update.update(ADMIN_ALSO_ALLOWS)
        response._csp_update = {**update, **getattr(response, "_csp_update", {})}  # type: ignore[attr-defined]  # django-csp's hook
        return response
