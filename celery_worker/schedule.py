"""What beat runs, and when (UTC). The database scheduler takes these over; an administrator may change them there."""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab

SCHEDULE: dict[str, dict[str, Any]] = {
    # Early in the day, so that somebody is there when it fails; three months ahead, so that there is time.
    "payments.make_partitions": {"task": "payments.make_partitions", "schedule": crontab(hour="5", minute="10")},
    # At night: it deletes, and what it deletes has been kept for years.
    "customers.expire_documents": {"task": "customers.expire_documents", "schedule": crontab(hour="2", minute="40")},
}
