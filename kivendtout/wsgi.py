"""HTTP entry point (granian). Sockets are served apart by `kivendtout.asgi`, see docs/adr/0003."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kivendtout.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
