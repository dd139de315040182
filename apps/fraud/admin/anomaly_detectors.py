"""Detectors: how far they have looked, and how many anomalies a day people want of each."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import Titled, listed
from apps.compliance.admin.present import Button, Column, Viewer, column, own_link
from apps.fraud.admin.list_pages import PagesAdmin
from apps.fraud.models import AnomalyDetector, AnomalyKind
from apps.fraud.services.anomalies_review import ACTIVITY, MOST_A_DAY, anomaly_budget_set, may_set_up

SHOWN = ("daily_budget", "scanned_to", "scanned_at", "scanned_rows")


class BudgetForm(forms.Form):
    daily_budget = forms.IntegerField(
        label=gettext_lazy("At most a day"),
        min_value=0,
        max_value=MOST_A_DAY,
        help_text=gettext_lazy("The oddest first; 0 raises none."),
    )


@admin.register(AnomalyDetector)
class AnomalyDetectorAdmin(PagesAdmin):
    list_display = ("kind_link", "budget", "upto", "last", "rows")
    ordering = ("kind",)
    sortable_by = ()
    record_icon = "sensors"
    kind_link = listed(own_link(gettext_lazy("kind")))
    budget, upto, last, rows = (listed(column(AnomalyDetector, name)) for name in SHOWN)
    record_facts = (*SHOWN, Column(gettext_lazy("detector"), lambda _viewer, row: row.detector or "—"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows if request.user.has_perm(ACTIVITY) else rows.filter(kind=AnomalyKind.PAYMENT)

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        if not may_set_up(obj, viewer.user):
            return []
        return [
            Button(_("Change how many a day"), reverse("admin:fraud_anomalydetector_budget", args=[obj.pk]), "edit")
        ]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:detector_id>/budget/", wrap(self.budget_view), name="fraud_anomalydetector_budget"),
            *super().get_urls(),
        ]

    def budget_view(self, request: HttpRequest, detector_id: int) -> HttpResponse:
        detector = self.get_object(request, str(detector_id))
        if detector is None:
            raise Http404
        actor: Any = request.user
        if not may_set_up(detector, actor):
            raise PermissionDenied
        back = reverse("admin:fraud_anomalydetector_change", args=[detector.pk])

        def save(told: dict[str, Any]) -> HttpResponse:
            anomaly_budget_set(detector=detector, daily_budget=told["daily_budget"], actor=actor)
            messages.success(request, _("At most %(count)s a day from now on.") % {"count": told["daily_budget"]})
            return HttpResponseRedirect(back)

        form = BudgetForm(request.POST or None, initial={"daily_budget": detector.daily_budget})
        title = _("How many a day?")
        return self.form_page(
            request, form, save, title=title, submit=_("Save"), back_url=back, obj=Titled(detector, str(detector)),
            icon="sensors",
        )  # fmt: skip
