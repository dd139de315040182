from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin, listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.present import Column, code, column, link
from apps.payments.admin.cells import status_badge
from apps.payments.models import PaymentReference, PaymentStateChange
from apps.payments.selectors.activity import status_labels


def of_payment() -> Column:
    return Column(
        gettext_lazy("payment"), lambda v, row: link(v.url_of("payments.payment", row.payment_id), row.payment)
    )


@admin.register(PaymentStateChange)
class PaymentStateChangeAdmin(RecordAdmin):
    list_display = ("pk", "which", "before", "after", "actor", "reason", "when")
    list_filter = (choice_filter(gettext_lazy("to"), "to_status", lambda: status_labels().items()),)
    search_fields = ("payment",)
    search_hint = gettext_lazy("A whole payment number.")
    ordering = ("-pk",)
    sortable_by = ()
    record_icon = "history"
    from_column = Column(gettext_lazy("from"), lambda viewer, row: status_badge(viewer, row.from_status_id))
    to_column = Column(gettext_lazy("to"), lambda viewer, row: status_badge(viewer, row.to_status_id))
    trace_column = Column(gettext_lazy("trace"), lambda _viewer, row: code(row.trace_id))
    # Who acted is a colleague, shown as on the payment's own history.
    actor_column = Column(gettext_lazy("who"), lambda _viewer, row: row.actor)
    record_facts = (of_payment(), from_column, to_column, actor_column, "reason", trace_column, "changed_at")
    which, before, after = listed(of_payment()), listed(from_column), listed(to_column)
    when = listed(column(PaymentStateChange, "changed_at"))

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("payment")

    def search(self, term: str) -> Q:
        payment = PaymentReference.objects.filter(external_id=term).values_list("pk", flat=True).first()
        return Q(payment_id=payment) if payment else Q(pk__in=[])
