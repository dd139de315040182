"""Operational alerts: what is the matter with scorers, and the buttons that do something about it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import Titled, listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.present import Button, Column, Record, Section, Viewer, moment
from apps.compliance.models import User
from apps.fraud.admin.list_pages import PagesAdmin
from apps.fraud.admin.operational_alert_parts import (
    STATES,
    NoteForm,
    ThresholdForm,
    action_buttons,
    alert_columns,
    figures,
    scorer_link,
    shifted,
    status_badge,
    watch_link,
)
from apps.fraud.models import OperationalAlert
from apps.fraud.scorers.trained import Operating
from apps.fraud.selectors.scorers import change_to_undo, scorer_active
from apps.fraud.services.operational_alert_texts import operational_alert_sentence
from apps.fraud.services.operational_alerts import CHANGE, operational_alert_handle
from apps.fraud.services.retraining import retrain_ask
from apps.fraud.services.scorer_force import PROMOTE, PROPOSE
from apps.fraud.services.scorer_return import operating_set, scorer_go_back
from apps.fraud.services.threshold_advice import threshold_advice
from kivendtout.lib.clock import now

Status = OperationalAlert.Status


@admin.register(OperationalAlert)
class OperationalAlertAdmin(PagesAdmin):
    list_display = ("what", "happened", "state", "times", "raised", "last")
    list_filter = (
        choice_filter(gettext_lazy("status"), "status", lambda: list(STATES.items()), parameter="state"),
        choice_filter(gettext_lazy("kind"), "kind", lambda: OperationalAlert.Kind.choices),
    )
    ordering = ("-status", "-last_at", "-pk")  # open ones first
    sortable_by = ()
    record_icon = "monitor_heart"
    what, happened, state, times, raised, last = (listed(one) for one in alert_columns())
    record_facts = (
        Column(gettext_lazy("scorer"), scorer_link),
        Column(gettext_lazy("watch"), watch_link),
        Column(gettext_lazy("raised at"), lambda _viewer, row: moment(row.raised_at)),
        Column(gettext_lazy("last seen"), lambda _viewer, row: moment(row.last_at)),
        "times",
        "handled_at",
        Column(gettext_lazy("handled by"), lambda _viewer, row: _handler(row)),
        "note",
    )

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("scorer").only(
            "kind", "status", "facts", "raised_at", "last_at", "times", "tenant", "scorer__number", "scorer__tenant"
        )

    # --- one alert ----------------------------------------------------------------------------------------------------
    def record(self, viewer: Viewer, obj: Any) -> Record:
        record = super().record(viewer, obj)
        record.badges, record.lead = [status_badge(obj)], operational_alert_sentence(obj)
        return record

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        return [figures(obj), *shifted(obj)]

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        return action_buttons(viewer, obj)

    def get_urls(self) -> list[URLPattern]:
        steps = {
            "retrain": self.retrain_view, "threshold": self.threshold_view, "go-back": self.go_back_view,
            "handle": self.handle_view,
        }  # fmt: skip
        return [
            path(f"<int:alert_id>/{step}/", self.admin_site.admin_view(view), name=f"fraud_operationalalert_{step}")
            for step, view in steps.items()
        ] + super().get_urls()

    def retrain_view(self, request: HttpRequest, alert_id: int) -> HttpResponse:
        alert = self._alert(request, alert_id, PROPOSE)

        def act(_told: dict[str, Any]) -> str:
            retrain_ask(tenant_id=alert.tenant_id, actor=_person(request))
            return _(
                "A new scorer is being trained. An operational alert says when it is there; nothing changes by it."
            )

        note = _("It learns from payments up to now, in the background, and takes minutes. It is only proposed.")
        return self._step(request, alert, _note_form(request), act, _("Train a new scorer"), "model_training", note)

    def threshold_view(self, request: HttpRequest, alert_id: int) -> HttpResponse:
        alert, active = self._alert(request, alert_id, PROMOTE), scorer_active()
        if active is None or active.scorer is None:
            messages.warning(request, _("No scorer decides now, so it has no thresholds."))
            return self._back(alert)
        advice = threshold_advice(alert=alert, active=active)

        def act(told: dict[str, Any]) -> str:
            point = Operating(
                challenge=told["challenge"], deny=active.deny, weight=active.weight, alone_deny=active.alone_deny
            )
            person = _person(request)
            operating_set(tenant=alert.tenant, operating=point, actor=person, now=now(), note=told["note"])
            return _("The threshold is set. All processes follow within a second.")

        form = ThresholdForm(request.POST if request.method == "POST" else None, advice=advice)
        note = _("Payments are challenged from this score on; from %(deny)s they are denied, as now.") % {
            "deny": number_format(active.deny)
        }
        return self._step(request, alert, form, act, _("Raise the threshold"), "tune", note)

    def go_back_view(self, request: HttpRequest, alert_id: int) -> HttpResponse:
        alert, undone = self._alert(request, alert_id, PROMOTE), change_to_undo()
        if undone is None:
            messages.warning(request, _("There is nothing to go back to: before this, the rules decided alone."))
            return self._back(alert)

        def act(told: dict[str, Any]) -> str:
            expected = request.POST.get("expected", "")
            seen = int(expected) if expected.isdecimal() and len(expected) < 19 else undone.pk
            scorer_go_back(tenant=alert.tenant, actor=_person(request), now=now(), note=told["note"], expected=seen)
            return _("What decided before decides again. All processes follow within a second.")

        form = _note_form(request)
        form.fields["expected"] = forms.CharField(widget=forms.HiddenInput, initial=undone.pk, required=False)
        before = undone.before.get("scorer")
        note = (
            _("Scorer #%(number)s decides again, with its thresholds.") % {"number": before}
            if before
            else _("The rules decide alone again, with your organisation's own thresholds.")
        )
        return self._step(request, alert, form, act, _("Take it back"), "undo", note)

    def handle_view(self, request: HttpRequest, alert_id: int) -> HttpResponse:
        alert = self._alert(request, alert_id, CHANGE)
        note = _("The alert is closed. If it happens again, a new one is raised.")
        said = _("The alert is handled.")
        return self._step(request, alert, _note_form(request), lambda _told: said, _("Mark as handled"), "check", note)

    # --- what the steps share -----------------------------------------------------------------------------------------
    def _alert(self, request: HttpRequest, alert_id: int, right: str) -> OperationalAlert:
        alert = self.get_object(request, str(alert_id))
        if alert is None:  # another tenant's is like one that does not exist
            raise Http404
        if not request.user.has_perm(CHANGE) or not request.user.has_perm(right):
            raise PermissionDenied
        return alert

    def _step(
        self,
        request: HttpRequest,
        alert: OperationalAlert,
        form: forms.Form,
        act: Any,
        title: str,
        icon: str,
        note: str,
    ) -> HttpResponse:
        """Whoever acts has handled it: the note says what was done."""
        if alert.status != Status.OPEN:
            messages.info(request, _("Somebody has handled this already. Read it again."))
            return self._back(alert)

        def save(told: dict[str, Any]) -> HttpResponse:
            # First handled, then acted, in one transaction: of two people who act at once, the second one is refused
            # before a training is handed over, which no rollback takes back; and what cannot be done stays open.
            with transaction.atomic():
                operational_alert_handle(alert=alert, actor=_person(request), now=now(), note=told["note"])
                said = act(told)
            messages.success(request, said)
            return self._back(alert)

        back = reverse("admin:fraud_operationalalert_change", args=[alert.pk])
        shown = Titled(alert, str(alert))
        return self.form_page(
            request, form, save, title=title, submit=title, back_url=back, obj=shown, icon=icon, note=note
        )

    def _back(self, alert: OperationalAlert) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:fraud_operationalalert_change", args=[alert.pk]))


def _note_form(request: HttpRequest) -> NoteForm:
    return NoteForm(request.POST if request.method == "POST" else None)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin site lets nobody else in
    return request.user


def _handler(alert: OperationalAlert) -> str:
    if alert.status == Status.OPEN:
        return "—"
    return str(alert.handled_by or _("The product"))
