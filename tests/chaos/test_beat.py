"""Beat goes on when PostgreSQL is back: what tells feature state of what it missed is a job of beat's."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from celery_worker.app import app
from celery_worker.beat import WAIT_SECONDS, PatientScheduler

pytestmark = pytest.mark.django_db
JOB = "fraud.check_state"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(PatientScheduler, "wait", staticmethod(waited.append))
    monkeypatch.setattr("celery_worker.beat.connection.close", lambda: None)  # the test's own transaction
    return waited


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """As many times as there are numbers in it, the schedule cannot be read."""
    times: list[int] = []
    read = DatabaseScheduler.all_as_schedule

    def read_or_not(scheduler: DatabaseScheduler) -> Any:
        if times:
            times.pop()
            raise OperationalError("the database system is starting up")
        return read(scheduler)

    monkeypatch.setattr(DatabaseScheduler, "all_as_schedule", read_or_not)
    return times


def test_it_waits_for_a_database_that_is_starting(waits: list[float], away: list[int]) -> None:
    away += [1, 2, 3]

    scheduler = PatientScheduler(app=app)

    assert waits == [WAIT_SECONDS] * 3
    assert JOB in scheduler.schedule


def test_it_waits_when_an_entry_could_not_be_written(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler that we build on logs that, and would never run the job."""
    write = PatientScheduler.Entry.from_entry
    refused = iter([True])

    def write_or_not(name: str, **told: Any) -> Any:
        if name == JOB and next(refused, False):
            raise OperationalError("the connection was closed")
        return write(name, **told)

    monkeypatch.setattr(PatientScheduler.Entry, "from_entry", write_or_not)

    PatientScheduler(app=app)

    assert waits == [WAIT_SECONDS]
    assert PeriodicTask.objects.filter(name=JOB).exists()


def test_it_reads_its_schedule_again_after_the_database_was_away(waits: list[float], away: list[int]) -> None:
    scheduler = PatientScheduler(app=app)
    scheduler._initial_read = True  # as once in five minutes, or after a change
    away += [1]

    assert scheduler.tick() == WAIT_SECONDS

    assert JOB in scheduler.schedule
    scheduler.populate_heap()
    heap: Any = scheduler._heap
    assert JOB in {event.entry.name for event in heap}
