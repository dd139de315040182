"""Changes of what decides: what was proposed and what will come of it, who settled it; and the second person's page."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.present import EMPTY, Button, Column, Record, Section, Viewer, link, moment
from apps.compliance.models import User
from apps.fraud.admin.list_pages import PagesAdmin
from apps.fraud.admin.scorer_actions import Action
from apps.fraud.admin.scorer_cells import change_link, decides, state_badge, who
from apps.fraud.admin.scorer_forms import ConfirmForm
from apps.fraud.admin.scorer_statement import statement_section
from apps.fraud.models import ScorerChange
from apps.fraud.selectors.scorers import HEAVY
from apps.fraud.services.scorer_stages import PROMOTE, PROPOSE, scorer_approve, scorer_refuse, scorer_withdraw
from kivendtout.lib.clock import now

ACTIONS: Final[dict[str, Action]] = {
    "approve": Action(
        gettext_lazy("Approve and let it decide"),
        "check_circle",
        gettext_lazy("It decides from now on, in every process within a second. You answer for it with its proposer."),
        gettext_lazy("The scorer decides from now on."),
        scorer_approve,
        (),
    ),
    "refuse": Action(
        gettext_lazy("Refuse"),
        "block",
        gettext_lazy("Nothing changes. The proposal stays on record as refused."),
        gettext_lazy("The proposal is refused."),
        scorer_refuse,
        (),
    ),
    "withdraw": Action(
        gettext_lazy("Withdraw"),
        "undo",
        gettext_lazy("Nothing changes. The proposal stays on record as withdrawn."),
        gettext_lazy("The proposal is withdrawn."),
        scorer_withdraw,
        (),
    ),
}


def actions_of(change: ScorerChange, person: User) -> list[str]:
    """Those that the services would accept from this person."""
    if change.state != ScorerChange.State.OPEN:
        return []
    if change.asked_by_id == person.pk:
        return ["withdraw"] if person.has_perm(PROPOSE) else []
    return ["approve", "refuse"] if person.has_perm(PROMOTE) else []


@admin.register(ScorerChange)
class ScorerChangeAdmin(PagesAdmin):
    list_display = ("what", "of", "stands", "was", "becomes", "asker", "when", "why")
    list_filter = (
        choice_filter(gettext_lazy("kind"), "kind", lambda: ScorerChange.Kind.choices),
        choice_filter(gettext_lazy("state"), "state", lambda: ScorerChange.State.choices),
    )
    ordering = ("-pk",)
    sortable_by = ()
    record_icon = "published_with_changes"
    what = listed(Column(gettext_lazy("change"), change_link))
    of_column = Column(gettext_lazy("scorer"), lambda viewer, row: link(viewer.url(row.scorer), row.scorer or EMPTY))
    of = listed(of_column)
    stands = listed(Column(gettext_lazy("state"), lambda _viewer, row: state_badge(row)))
    was_column = Column(gettext_lazy("before"), lambda _viewer, row: decides(row.before))
    becomes_column = Column(gettext_lazy("after"), lambda _viewer, row: decides(row.after))
    was, becomes = listed(was_column), listed(becomes_column)
    asker_column = Column(gettext_lazy("proposed by"), lambda _viewer, row: who(row.asked_by))
    asker = listed(asker_column)
    when_column = Column(gettext_lazy("proposed at"), lambda _viewer, row: moment(row.asked_at))
    when = listed(when_column)
    why_column = Column(gettext_lazy("why"), lambda _viewer, row: row.note or EMPTY)
    why = listed(why_column)
    record_facts = (
        of_column,
        was_column,
        becomes_column,
        asker_column,
        when_column,
        Column(gettext_lazy("settled by"), lambda _viewer, row: who(row.settled_by) if row.settled_at else EMPTY),
        Column(gettext_lazy("settled at"), lambda _viewer, row: moment(row.settled_at)),
        why_column,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("scorer", "asked_by", "settled_by").defer(*(f"scorer__{name}" for name in HEAVY))

    def record(self, viewer: Viewer, obj: Any) -> Record:
        record = super().record(viewer, obj)
        record.title = obj.get_kind_display()
        record.badges = [state_badge(obj)]
        return record

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        return [statement_section(viewer, obj.statement)] if obj.statement else []

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        return [
            Button(str(ACTIONS[name].label), self._url(obj, name), ACTIONS[name].icon, primary=name == "approve")
            for name in actions_of(obj, viewer.user)
        ]

    def _url(self, change: ScorerChange, action: str) -> str:
        return reverse("admin:fraud_scorerchange_settle", args=[change.pk, action])

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.settle_view)
        place = "<int:change_id>/<slug:action>/settle/"
        return [path(place, view, name="fraud_scorerchange_settle"), *super().get_urls()]

    def settle_view(self, request: HttpRequest, change_id: int, action: str) -> HttpResponse:
        change = self.get_object(request, str(change_id))
        self.require(request, PROPOSE if action == "withdraw" else PROMOTE, change)
        if change is None or action not in ACTIONS:
            raise Http404
        chosen, back = ACTIONS[action], reverse("admin:fraud_scorerchange_change", args=[change.pk])

        def save(_told: dict[str, Any]) -> HttpResponse:
            chosen.run(change=change, actor=request.user, now=now())
            messages.success(request, str(chosen.done))
            return HttpResponseRedirect(back)

        form = ConfirmForm(request.POST if request.method == "POST" else None)
        section = statement_section(Viewer(request), change.statement) if action == "approve" else None
        text = format_html("{} → {}", decides(change.before), decides(change.after))
        return self.settle_page(request, form, save, chosen, change, back, [chosen.note, text], section)

    def settle_page(
        self, request: HttpRequest, form: Any, save: Any, chosen: Action, change: ScorerChange, back: str,
        notes: list[Any], section: Section | None,
    ) -> HttpResponse:  # fmt: skip
        """Nobody approves what they do not see: the statement stands above the button."""
        return self.form_page(
            request, form, save, title=chosen.label, submit=chosen.label, back_url=back, obj=change.scorer,
            icon=chosen.icon, template="admin/fraud/scorers/point.html", more={"notes": notes, "section": section},
        )  # fmt: skip
