"""The Celery application: `celery -A celery_worker worker -Q stream|jobs`."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import setup_logging, worker_init

from celery_worker.schedule import SCHEDULE
from kivendtout.lib.trace import connect_celery_trace

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kivendtout.settings")

app = Celery("kivendtout")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = SCHEDULE
# Our log lines go to standard output; Celery would turn each into a warning of its own.
app.conf.worker_redirect_stdouts = False
connect_celery_trace()


@setup_logging.connect
def keep_our_logging(**_options: object) -> None:
    """That somebody listens is enough: Celery then leaves the logging as Django's start has configured it."""


@worker_init.connect
def add_stream(**_options: object) -> None:
    """Imported only in a worker: the stream needs Kafka and the models, a web process that enqueues needs neither."""
    from celery_worker import component, giving_back

    component.install(app)
    giving_back.install()
