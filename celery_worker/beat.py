"""Beat that outlives PostgreSQL: the one of django-celery-beat ends when it cannot read its tables, unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep
from typing import Any, Final

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

# A server that recovers takes a few seconds; feature state is told what it missed by a job of beat's.
WAIT_SECONDS: Final = 2.0

log = structlog.get_logger(__name__)


class PatientScheduler(DatabaseScheduler):
    wait: Callable[[float], None] = staticmethod(sleep)

    def setup_schedule(self) -> None:
        while True:
            try:
                super().setup_schedule()
                self._require_all()
                return
            except (DatabaseError, InterfaceError) as error:
                self._begin_anew(error)
                self.wait(WAIT_SECONDS)

    def tick(self, *args: Any, **options: Any) -> float:
        """Seconds until the next one."""
        try:
            return float(super().tick(*args, **options))
        except (DatabaseError, InterfaceError) as error:
            self._begin_anew(error)
            return WAIT_SECONDS

    def _require_all(self) -> None:
        """The scheduler logs an entry that it could not write, and goes on without it."""
        names = set(self.app.conf.beat_schedule)
        missing = names - set(PeriodicTask.objects.filter(name__in=names).values_list("name", flat=True))
        if missing:
            raise DatabaseError(f"These are not in the schedule yet: {', '.join(sorted(missing))}.")

    def _begin_anew(self, error: Exception) -> None:
        log.warning("beat_database_away", error=type(error).__name__, retry_seconds=WAIT_SECONDS)
        connection.close()
        # Read halfway, it would be taken for read.
        self._initial_read, self._heap = True, None
