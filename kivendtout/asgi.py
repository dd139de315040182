"""Socket entry point (uvicorn), and nothing else: pages and the API are served by `kivendtout.wsgi`.

See docs/adr/0003-wsgi-beside-asgi.md. Plain HTTP gets 404 here, so that the socket port opens no second door to them.
"""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kivendtout.settings")
django.setup()  # loads the apps; must come before anything imports a model

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.urls import path

from apps.fraud.live.alerts import AlertsConsumer
from apps.payments.live.activity import ActivityConsumer
from kivendtout.lib.live import SameSiteOrigins


async def sockets_only(scope: dict[str, Any], receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": b"Only sockets are served here.\n"})


application = ProtocolTypeRouter(
    {
        "http": sockets_only,
        "websocket": SameSiteOrigins(
            SessionMiddlewareStack(
                URLRouter(
                    [
                        path("ws/activity/", ActivityConsumer.as_asgi()),
                        path("ws/alerts/", AlertsConsumer.as_asgi()),
                    ]
                )
            )
        ),
    }
)
