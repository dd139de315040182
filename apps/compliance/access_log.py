"""One line a request of a person: who, which page, what came of it. What detectors of odd access read.

It names no page's address and no person: the route, a number or a keyed hash, and the record as a keyed hash, so that
different records can be counted and none can be read back. Pages' own files and probes are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

from kivendtout.lib.crypto.hashing import keyed_hash
from kivendtout.lib.log import get_logger

EVENT: Final = "access"
LEFT_OUT: Final = ("/static/", "/healthz", "/readyz", "/metrics")
# Of a keyed hash, as much as tells two apart.
DIGITS: Final = 16
SIGN_IN: Final = "login"
KEY: Final = re.compile(r"(kvt_(?:live|test)_[A-Za-z0-9]{8})_", re.ASCII)

log = get_logger(__name__)


class AccessLogMiddleware:
    """After AuthenticationMiddleware, or, where programs come in, by itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith(LEFT_OUT):
            _tell(request, response.status_code)
        return response


def _tell(request: HttpRequest, status: int) -> None:
    network = _hash(request.META.get("REMOTE_ADDR", ""))
    match = request.resolver_match
    route = match.view_name if match else ""
    record = "/".join(map(str, [*match.args, *match.kwargs.values()])) if match else ""
    log.info(
        EVENT,
        actor=_actor(request, network),
        method=request.method,
        status=status,
        route=route,
        object=_hash(f"{route} {record}") if record else "",
        network=network,
        # The form is shown again, with its fault.
        sign_in_failed=route == SIGN_IN and request.method == "POST" and status == 200,
    )


def _actor(request: HttpRequest, network: str) -> str:
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return f"user {user.pk}"
    key = KEY.search(request.META.get("HTTP_AUTHORIZATION", "") or request.META.get("HTTP_X_API_KEY", ""))
    return f"key {key[1]}" if key else f"address {network}"


def _hash(text: str) -> str:
    return keyed_hash("address", text).hex()[:DIGITS]
