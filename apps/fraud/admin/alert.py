from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import KvtAdmin, listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.present import EMPTY, link
from apps.fraud.admin.belongings import alert_columns
from apps.fraud.admin.decision_cells import outcome_badge
from apps.fraud.models import Decision, FraudAlert
from apps.payments.admin.state_change import of_payment
from apps.payments.models import PaymentReference


@admin.register(FraudAlert)
class FraudAlertAdmin(KvtAdmin):
    """What raised the alert stays as it was; its review moves on."""

    list_display = ("number", "which", "what", "how_urgent", "state", "raised")
    list_filter = (
        choice_filter(gettext_lazy("status"), "status", lambda: FraudAlert.Status.choices, parameter="state"),
        choice_filter(gettext_lazy("severity"), "severity", lambda: FraudAlert.Severity.choices),
    )
    search_fields = ("external_id",)
    search_hint = gettext_lazy("A whole alert number or payment number.")
    ordering = ("-pk",)
    sortable_by = ()
    fields = ("external_id", "payment_link", "decision_link", "rule", "severity", "raised_at", "status")
    readonly_fields = ("external_id", "payment_link", "decision_link", "rule", "severity", "raised_at")
    number, what, how_urgent, state, raised = (listed(one) for one in alert_columns())
    which = listed(of_payment())

    @admin.display(description=gettext_lazy("payment"))
    def payment_link(self, row: FraudAlert) -> Any:
        return link(reverse("admin:payments_payment_change", args=[row.payment_id]), row.payment)

    @admin.display(description=gettext_lazy("decision"))
    def decision_link(self, row: FraudAlert) -> Any:
        """Alerts of an imported history have none: their payments were not decided on here."""
        decision = Decision.objects.filter(pk=row.payment_id).only("tenant_id", "outcome").first()
        if decision is None:
            return EMPTY
        url = reverse("admin:fraud_decision_change", args=[decision.pk])
        return format_html("{} {}", link(url, decision), outcome_badge(decision.outcome))

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("payment")

    def search(self, term: str) -> Q:
        payment = PaymentReference.objects.filter(external_id=term).values_list("pk", flat=True).first()
        return Q(external_id=term) | (Q(payment_id=payment) if payment else Q(pk__in=[]))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
