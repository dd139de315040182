"""The Celery application: `celery -A celery_worker worker -Q stream|jobs`."""

from __future__ import annotations

import os

from celery import Celery

from kivendtout.lib.log import connect_celery_logging
from kivendtout.lib.trace import connect_celery_trace

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kivendtout.settings")

app = Celery("kivendtout")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
connect_celery_logging(os.environ.get("LOG_LEVEL", "INFO"), os.environ.get("PROCESS_NAME", "worker"))
connect_celery_trace()
