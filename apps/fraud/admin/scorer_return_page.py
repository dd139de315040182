"""One person, one page, one click: what decided before decides again, or the rules alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.fraud.admin.scorer_actions import person
from apps.fraud.admin.scorer_cells import decides
from apps.fraud.admin.scorer_forms import NoteForm
from apps.fraud.models import ScorerChange
from apps.fraud.selectors.scorers import change_to_undo
from apps.fraud.services.scorer_stages import scorer_go_back, stand_down
from kivendtout.lib.clock import now


class ReturnForm(NoteForm):
    """Carries which change was seen: when a colleague was faster, nothing happens twice."""

    expected = forms.IntegerField(widget=forms.HiddenInput, required=False)


class ScorerReturnPage:
    """Of the admin class of scorers."""

    done: Callable[..., HttpResponse]
    form_page: Callable[..., HttpResponse]

    def go_back_page(self, request: HttpRequest) -> HttpResponse:
        undone = change_to_undo()
        seen = str(undone.pk) if undone else ""
        if request.method == "POST" and request.POST.get("expected", "") != seen:
            messages.warning(request, _("What decides has just been changed. Look at it again before you go back."))
            return HttpResponseRedirect(request.path)

        def run(told: dict[str, Any]) -> ScorerChange:
            who = person(request)
            return scorer_go_back(
                tenant=who.tenant, actor=who, now=now(), note=told["note"], expected=told["expected"]
            )  # fmt: skip

        return self._page(request, run, _("Go back"), "undo", _returns_to(undone), seen)

    def stand_down_page(self, request: HttpRequest) -> HttpResponse:
        def run(told: dict[str, Any]) -> ScorerChange:
            who = person(request)
            return stand_down(tenant=who.tenant, actor=who, now=now(), note=told["note"])

        note = _(
            "The rules decide alone, with the organisation's own thresholds, from now on. You can go back from it."
        )
        return self._page(request, run, _("Rules alone"), "rule", note, "")

    def _page(
        self, request: HttpRequest, run: Callable[[dict[str, Any]], ScorerChange], title: str, icon: str, note: str,
        seen: str,
    ) -> HttpResponse:  # fmt: skip
        back = reverse("admin:fraud_scorer_changelist")

        def save(told: dict[str, Any]) -> HttpResponse:
            return self.done(request, _("From now on: %(what)s.") % {"what": decides(run(told).after)}, back)

        form = ReturnForm(request.POST if request.method == "POST" else None, initial={"expected": seen})
        return self.form_page(request, form, save, title=title, submit=title, back_url=back, icon=icon, note=note)


def _returns_to(undone: ScorerChange | None) -> str:
    if undone is None:
        return _("There is nothing to go back to: before this, the rules decided alone.")
    return _(
        "What decided before “%(change)s” of %(who)s decides again, within a second: %(what)s. "
        "It needs no second person."
    ) % {"change": undone.get_kind_display(), "who": undone.settled_by, "what": decides(undone.before)}
