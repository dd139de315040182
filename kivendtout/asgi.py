"""Socket entry point (uvicorn). Pages and the API are served by `kivendtout.wsgi`, see docs/adr/0003."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kivendtout.settings")

from django.core.asgi import get_asgi_application

http_application = get_asgi_application()  # loads the apps; must come before anything imports a model

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from apps.payments.live.activity import ActivityConsumer
from kivendtout.lib.live import SameSiteOrigins

application = ProtocolTypeRouter(
    {
        "http": http_application,
        "websocket": SameSiteOrigins(
            AuthMiddlewareStack(
                URLRouter(
                    [
                        path("ws/activity/", ActivityConsumer.as_asgi()),
                    ]
                )
            )
        ),
    }
)
