"""HTTP entry point (granian). Sockets are served apart by `kivendtout.asgi`, see docs/adr/0003.

Programs and people come through different doors. What pages need (sessions, languages, CSRF, a content policy, static
files) took 650 µs of each call to the API, which has no use for any of it and is called a thousand times a second.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kivendtout.settings")

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

from kivendtout.lib.addresses import country_of
from kivendtout.lib.memory import spare_the_collector

pages = get_wsgi_application()


class ApiHandler(WSGIHandler):
    def load_middleware(self, is_async: bool = False) -> None:
        for_pages, settings.MIDDLEWARE = settings.MIDDLEWARE, settings.API_MIDDLEWARE
        try:
            super().load_middleware(is_async)
        finally:
            settings.MIDDLEWARE = for_pages


api = ApiHandler()
# Loaded now, not by the first payment: it takes a tenth of a second.
country_of("8.8.8.8")
spare_the_collector()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    handler = api if environ.get("PATH_INFO", "").startswith("/api/") else pages
    return handler(environ, start_response)
