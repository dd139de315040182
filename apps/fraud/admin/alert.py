"""Alerts: what raised one stays as it was; its review moves on, a step at a time."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import Titled, listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.present import EMPTY, Button, Column, Record, Viewer, column, link
from apps.fraud.admin.belongings import alert_columns, severity_badge, status_badge
from apps.fraud.admin.decision_cells import outcome_badge
from apps.fraud.admin.decision_why import alert_why
from apps.fraud.admin.list_pages import PagesAdmin
from apps.fraud.models import Decision, FraudAlert
from apps.fraud.services.alert_status import CHANGE, NEXT, alert_status_set
from apps.payments.admin.state_change import of_payment
from apps.payments.models import PaymentReference
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError

Status = FraudAlert.Status
STEPS: dict[str, tuple[Any, str, Any]] = {
    Status.INVESTIGATING: (
        gettext_lazy("Investigate"),
        "search",
        gettext_lazy("Your colleagues see that somebody is on it."),
    ),
    Status.APPROVED: (
        gettext_lazy("Approve the payment"),
        "check_circle",
        gettext_lazy("The payment is judged genuine. The verdict goes to whoever learns from it, and stands."),
    ),
    Status.BLOCKED: (
        gettext_lazy("Block the payment"),
        "block",
        gettext_lazy("The payment is judged a fraud. The verdict goes to whoever learns from it, and stands."),
    ),
}


def decision_link(viewer: Viewer, alert: FraudAlert) -> Any:
    """Alerts of an imported history have none: their payments were not decided on here."""
    decision = Decision.objects.filter(pk=alert.payment_id).only("tenant_id", "outcome").first()
    if decision is None:
        return EMPTY
    url = reverse("admin:fraud_decision_change", args=[decision.pk])
    return format_html("{} {}", link(url, decision), outcome_badge(decision.outcome))


def alert_facts() -> tuple[Any, ...]:
    return (
        Column(
            gettext_lazy("payment"),
            lambda _viewer, row: link(reverse("admin:payments_payment_change", args=[row.payment_id]), row.payment),
        ),
        Column(gettext_lazy("decision"), decision_link),
        column(FraudAlert, "rule"),
        column(FraudAlert, "raised_at"),
    )


@admin.register(FraudAlert)
class FraudAlertAdmin(PagesAdmin):
    list_display = ("number", "which", "what", "how_urgent", "state", "raised")
    list_filter = (
        choice_filter(gettext_lazy("status"), "status", lambda: Status.choices, parameter="state"),
        choice_filter(gettext_lazy("severity"), "severity", lambda: FraudAlert.Severity.choices),
    )
    search_fields = ("external_id",)
    search_hint = gettext_lazy("A whole alert number or payment number.")
    ordering = ("-pk",)
    sortable_by = ()
    actions = ("investigate",)
    record_icon = "notification_important"
    record_facts = alert_facts()
    number, what, how_urgent, state, raised = (listed(one) for one in alert_columns())
    which = listed(of_payment())

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("payment")

    def search(self, term: str) -> Q:
        payment = PaymentReference.objects.filter(external_id=term).values_list("pk", flat=True).first()
        return Q(external_id=term) | (Q(payment_id=payment) if payment else Q(pk__in=[]))

    # --- one alert ----------------------------------------------------------------------------------------------------
    def record(self, viewer: Viewer, obj: Any) -> Record:
        record = super().record(viewer, obj)
        record.badges = [severity_badge(obj), status_badge(obj)]
        if (why := alert_why(viewer, obj)) is not None:
            record.sections.insert(0, why)
        return record

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        if not viewer.user.has_perm(CHANGE):
            return []
        return [
            Button(str(STEPS[one][0]), reverse("admin:fraud_alert_step", args=[obj.pk, one.lower()]), STEPS[one][1])
            for one in NEXT.get(obj.status, ())
        ]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:alert_id>/status/<slug:step>/", wrap(self.step_view), name="fraud_alert_step"),
            *super().get_urls(),
        ]

    def step_view(self, request: HttpRequest, alert_id: int, step: str) -> HttpResponse:
        alert = self.get_object(request, str(alert_id))
        self.require(request, CHANGE, alert)
        status = step.upper()
        if alert is None or status not in STEPS:  # another tenant's is like one that does not exist
            raise Http404
        back = reverse("admin:fraud_fraudalert_change", args=[alert.pk])

        def save(_told: dict[str, Any]) -> HttpResponse:
            alert_status_set(alert=alert, status=status, actor=request.user, now=now())  # type: ignore[arg-type]
            messages.success(request, _("The alert is now in status “%(status)s”.") % {"status": status_text(status)})
            return HttpResponseRedirect(back)

        title, icon, note = STEPS[status]
        form = forms.Form(request.POST if request.method == "POST" else None)
        shown = Titled(alert, alert.external_id)
        return self.form_page(
            request, form, save, title=title, submit=title, back_url=back, obj=shown, icon=icon, note=note
        )

    # --- several ------------------------------------------------------------------------------------------------------
    def has_investigate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(CHANGE))

    @admin.action(description=gettext_lazy("Investigate the chosen alerts"), permissions=["investigate"])
    def investigate(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        if not self.has_investigate_permission(request):
            raise PermissionDenied
        moved, refused = 0, 0
        for alert in queryset.select_related("payment"):
            try:
                alert_status_set(alert=alert, status=Status.INVESTIGATING, actor=request.user, now=now())  # type: ignore[arg-type]
                moved += 1
            except KvtError:
                refused += 1
        if moved:
            messages.success(request, _("Alerts now under investigation: %(count)s.") % {"count": moved})
        if refused:
            text = _("Alerts left as they were: %(count)s. Somebody has them in hand, or has judged them.")
            messages.warning(request, text % {"count": refused})


def status_text(status: str) -> str:
    return str(Status(status).label)
