"""The Celery application: `celery -A celery_worker worker -Q stream|jobs`."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kivendtout.settings")

app = Celery("kivendtout")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
