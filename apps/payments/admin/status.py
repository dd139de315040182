from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin, listed
from apps.compliance.admin.present import Column
from apps.payments.admin.cells import status_badge
from apps.payments.models import PaymentStatus, PaymentTransition


@admin.register(PaymentStatus)
class PaymentStatusAdmin(RecordAdmin):
    """The state machine is code and migrations: shown here, changed there."""

    list_display = ("code", "look", "label_fr", "label_en", "is_initial", "is_success")
    ordering = ("code",)
    record_icon = "flag"
    record_facts = ("code", "label_fr", "label_en", "is_initial", "is_success")
    look = listed(Column(gettext_lazy("looks like"), lambda viewer, row: status_badge(viewer, row.code)))


@admin.register(PaymentTransition)
class PaymentTransitionAdmin(RecordAdmin):
    list_display = ("pk", "before", "after")
    ordering = ("pk",)
    record_icon = "swap_horiz"
    before_column = Column(gettext_lazy("from"), lambda viewer, row: status_badge(viewer, row.from_status_id))
    after_column = Column(gettext_lazy("to"), lambda viewer, row: status_badge(viewer, row.to_status_id))
    record_facts = (before_column, after_column)
    before, after = listed(before_column), listed(after_column)
