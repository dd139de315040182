"""Anomalies: what detectors found odd. People say what they made of it; nothing else follows."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import Titled, listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.periods import period_filter
from apps.compliance.admin.present import EMPTY, Button, Column, Record, Section, Viewer, code, latest_table
from apps.fraud.admin.anomaly_cells import (
    anomaly_columns,
    fields_section,
    kind_badge,
    payment_link,
    period_text,
    sample_text,
    status_badge,
    strongest,
    unusual_text,
    whose,
)
from apps.fraud.admin.list_pages import PagesAdmin
from apps.fraud.models import Anomaly, AnomalyKind
from apps.fraud.services.anomalies_review import (
    ACTIVITY,
    LONGEST_NOTE,
    NEEDS_NOTE,
    NEXT,
    anomaly_review,
    may_review,
)
from apps.payments.models import Payment, PaymentReference
from kivendtout.lib.clock import now

Status = Anomaly.Status
STEPS: Final[dict[str, tuple[Any, str, Any]]] = {
    Status.LOOKED_AT: (
        gettext_lazy("Look into it"),
        "search",
        gettext_lazy("Your colleagues see that somebody is on it."),
    ),
    Status.DISMISSED: (
        gettext_lazy("Dismiss as harmless"),
        "do_not_disturb_on",
        gettext_lazy("It was odd, and harmless. Say why, for whoever meets the like of it next."),
    ),
    Status.CONFIRMED: (
        gettext_lazy("Confirm a problem"),
        "report",
        gettext_lazy(
            "Something was wrong. Nothing follows by itself: judge the payment's alert, or act on the access."
        ),
    ),
}


class NoteForm(forms.Form):
    note = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        help_text=gettext_lazy("What you found. It is kept with your name."),
    )


@admin.register(Anomaly)
class AnomalyAdmin(PagesAdmin):
    list_display = ("number", "what", "of_whom", "why", "how_odd", "state", "raised")
    list_filter = (
        period_filter("raised_at"),
        choice_filter(gettext_lazy("kind"), "kind", lambda: AnomalyKind.choices),
        choice_filter(gettext_lazy("status"), "status", lambda: Status.choices, parameter="state"),
    )
    search_fields = ("actor",)
    search_hint = gettext_lazy("A whole customer number, payment number, role or key prefix.")
    ordering = ("-pk",)
    sortable_by = ()
    record_icon = "troubleshoot"
    number, what, of_whom, why, how_odd, state, raised = (listed(one) for one in anomaly_columns())
    record_facts = (
        Column(gettext_lazy("whose"), whose),
        Column(gettext_lazy("payment"), payment_link),
        Column(gettext_lazy("period"), period_text),
        Column(gettext_lazy("how odd"), unusual_text),
        Column(gettext_lazy("compared with the time"), sample_text),
        Column(gettext_lazy("detector"), lambda _viewer, row: code(row.detector)),
        "raised_at",
        "reviewed_by",
        "reviewed_at",
        "note",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """What colleagues did is for those who answer for access."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows if request.user.has_perm(ACTIVITY) else rows.filter(kind=AnomalyKind.PAYMENT)

    def search(self, term: str) -> Q:
        payment = PaymentReference.objects.filter(external_id=term).values_list("pk", flat=True).first()
        actors = Q(actor__in=[term, f"role {term}", f"key {term}"])
        return actors | Q(payment_id=payment) if payment else actors

    # --- one anomaly --------------------------------------------------------------------------------------------------
    def record(self, viewer: Viewer, obj: Any) -> Record:
        record = super().record(viewer, obj)
        record.badges, record.lead = [kind_badge(obj), status_badge(obj)], strongest(obj)
        record.facts = [one for one in record.facts if one.value != EMPTY]
        return record

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        return [fields_section(viewer, obj)]

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        if not may_review(obj, viewer.user):
            return []
        return [
            Button(str(STEPS[one][0]), reverse("admin:fraud_anomaly_review", args=[obj.pk, one]), STEPS[one][1])
            for one in NEXT.get(obj.status, ())
        ]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:anomaly_id>/review/<slug:step>/", wrap(self.review_view), name="fraud_anomaly_review"),
            *super().get_urls(),
        ]

    def review_view(self, request: HttpRequest, anomaly_id: int, step: str) -> HttpResponse:
        anomaly = self.get_object(request, str(anomaly_id))
        if anomaly is None or step not in STEPS:  # another tenant's is like one that does not exist
            raise Http404
        if not may_review(anomaly, request.user):  # type: ignore[arg-type]  # the admin site lets nobody else in
            raise PermissionDenied
        back = reverse("admin:fraud_anomaly_change", args=[anomaly.pk])

        def save(told: dict[str, Any]) -> HttpResponse:
            actor: Any = request.user
            anomaly_review(anomaly=anomaly, status=step, note=told.get("note", ""), actor=actor, now=now())
            text = _("The anomaly is now in status “%(status)s”.") % {"status": Status(step).label}
            messages.success(request, text)
            return HttpResponseRedirect(back)

        title, icon, note = STEPS[step]
        kind = NoteForm if step in NEEDS_NOTE else forms.Form
        form = kind(request.POST if request.method == "POST" else None)
        shown = Titled(anomaly, str(anomaly))
        return self.form_page(
            request, form, save, title=title, submit=title, back_url=back, obj=shown, icon=icon, note=note
        )


def anomalies_of_payment(viewer: Viewer, payment: Payment) -> list[Section]:
    """On the payment's page, when there is one."""
    found = Anomaly.objects.filter(payment_id=payment.pk).order_by("-pk")
    if not viewer.opens(Anomaly) or not found.exists():
        return []
    spared = {gettext_lazy("kind"), gettext_lazy("whose")}
    shown = [one for one in anomaly_columns() if one.label not in spared]
    return [latest_table(viewer, "anomalies", _("Anomalies"), found, shown)]
