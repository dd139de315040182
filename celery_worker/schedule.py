"""What beat runs, and when (UTC). The database scheduler takes these over; an administrator may change them there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery.schedules import crontab

SCHEDULE: dict[str, dict[str, Any]] = {
    # Early in the day, so that somebody is there when it fails; three months ahead, so that there is time.
    "payments.make_partitions": {"task": "payments.make_partitions", "schedule": crontab(hour="5", minute="10")},
    # A Redis that comes back is told within seconds what it missed; looking costs two small queries a tenant.
    "fraud.check_state": {"task": "fraud.check_state", "schedule": timedelta(seconds=10)},
    # An alert may be looked at within seconds; until then its page computes the same itself.
    "fraud.explain_alerts": {"task": "fraud.explain_alerts", "schedule": timedelta(seconds=10)},
    "fraud.forget_alert_changes": {"task": "fraud.forget_alert_changes", "schedule": crontab(hour="3", minute="30")},
    "fraud.forget_answers": {"task": "fraud.forget_answers", "schedule": crontab(hour="3", minute="20")},
    # What is odd is looked at by people, within the hour; not on the hour, when everything else runs.
    "fraud.scan_payments": {"task": "fraud.scan_payments", "schedule": crontab(minute="7")},
    "fraud.scan_logs": {"task": "fraud.scan_logs", "schedule": crontab(minute="12")},
    # Yesterday is whole and its labels of the evening are there; before people come in.
    "fraud.watch_scorers": {"task": "fraud.watch_scorers", "schedule": crontab(hour="4", minute="30")},
    # At night: training takes both cores for minutes. Whether it is due, it says itself.
    "fraud.retrain_due": {"task": "fraud.retrain_due", "schedule": crontab(hour="1", minute="15")},
    "fraud.forget_watches": {"task": "fraud.forget_watches", "schedule": crontab(hour="3", minute="40")},
    "fraud.forget_shadow_scores": {"task": "fraud.forget_shadow_scores", "schedule": crontab(hour="3", minute="50")},
    # Nothing new costs one small query; somebody who promotes looks at MLflow a minute later, not at once.
    "fraud.sync_scorers": {"task": "fraud.sync_scorers", "schedule": timedelta(minutes=1)},
    # Dashboards are read by people: a minute is soon enough. Nothing changed costs two small queries.
    "customers.count_behaviour": {"task": "customers.count_behaviour", "schedule": timedelta(minutes=1)},
    # At night: it deletes, and what it deletes has been kept for years.
    "customers.expire_documents": {"task": "customers.expire_documents", "schedule": crontab(hour="2", minute="40")},
}
