"""The scheduler's own tables, in the site's clothes. They serve every tenant: only who may change jobs acts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.compliance.admin.base import KvtAdmin, listed
from apps.compliance.admin.present import Column, badge, column

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(model)  # solar and clocked schedules are of no use here


class TaskSelect(TaskSelectWidget, UnfoldAdminSelectWidget):
    """The scheduler's choices, unfold's looks."""


class JobForm(PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "regtask" in self.fields:
            self.fields["regtask"].widget = TaskSelect()
            self.fields["task"].widget = UnfoldAdminTextInputWidget()


def job_state(job: PeriodicTask) -> Any:
    return badge(gettext_lazy("On"), "success") if job.enabled else badge(gettext_lazy("Off"))


@admin.register(PeriodicTask)
class JobAdmin(KvtAdmin):
    form = JobForm
    list_display = ("name", "task", "state", "scheduler", "last", "total_run_count")
    search_fields = ("name",)
    search_hint = gettext_lazy("A part of the job's or the task's name.")
    ordering = ("name",)
    readonly_fields = ("last_run_at", "total_run_count")
    actions = ("switch_on", "switch_off")
    fieldsets = (
        (None, {"fields": ("name", "regtask", "task", "enabled", "description")}),
        (gettext_lazy("Schedule"), {"fields": ("interval", "crontab", "start_time", "one_off", "last_run_at")}),
        (gettext_lazy("Arguments"), {"fields": ("args", "kwargs", "queue", "expire_seconds")}),
    )
    state = listed(Column(gettext_lazy("state"), lambda _viewer, row: job_state(row)))
    last = listed(column(PeriodicTask, "last_run_at"))

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("interval", "crontab", "solar", "clocked")

    def search(self, term: str) -> Q:
        return Q(name__icontains=term) | Q(task__icontains=term)

    @admin.action(description=gettext_lazy("Switch on"), permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._switch(request, queryset, enabled=True)

    @admin.action(description=gettext_lazy("Switch off"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._switch(request, queryset, enabled=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Any], *, enabled: bool) -> None:
        jobs = list(queryset.exclude(enabled=enabled))
        for job in jobs:  # one by one: update() would reach neither the audit trail nor the scheduler
            job.enabled = enabled
            job.save()
        messages.success(request, _("Jobs changed: %(number)s.") % {"number": len(jobs)})


@admin.register(IntervalSchedule)
class IntervalAdmin(KvtAdmin):
    list_display = ("pk", "every", "period")
    ordering = ("pk",)


@admin.register(CrontabSchedule)
class CrontabAdmin(KvtAdmin):
    list_display = ("pk", "minute", "hour", "day_of_week", "day_of_month", "month_of_year", "timezone")
    ordering = ("pk",)
