from __future__ import annotations

import os
import sys

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ComplianceConfig(AppConfig):
    name = "apps.compliance"
    verbose_name = _("People and compliance")

    def ready(self) -> None:
        from django.conf import settings
        from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

        from apps.compliance import checks as _checks  # noqa: F401
        from apps.compliance import models
        from apps.compliance.audit import audited
        from apps.compliance.roles import sync_roles_after_migrate
        from kivendtout.lib.live_signals import connect_rights
        from kivendtout.lib.log import configure_logging

        # A command's answer goes to stdout, so its log lines do not.
        is_command = sys.argv[:1] != [] and sys.argv[0].endswith("manage.py")
        configure_logging(settings.LOG_LEVEL, process_name(), "stderr" if is_command else "stdout")
        for model in (models.Tenant, models.User, IntervalSchedule, CrontabSchedule):
            audited(model)
        audited(models.ApiKey, except_for=("last_used_at",))
        # What the scheduler itself writes at each run is no person's change.
        audited(PeriodicTask, except_for=("last_run_at", "total_run_count", "date_changed"))
        connect_rights()
        post_migrate.connect(sync_roles_after_migrate, dispatch_uid="kvt_sync_roles")


def process_name() -> str:
    """What this process is, for its log lines: PROCESS_NAME when its starter says so, else the command's name."""
    words = [word for word in sys.argv if not word.startswith("-")] or ["python"]
    command = words[1] if len(words) > 1 and words[0].endswith("manage.py") else words[0].rpartition("/")[2]
    return os.environ.get("PROCESS_NAME") or command
