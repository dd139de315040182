"""Scorers: the list with what decides now, each one's model card, and the pages on which people move them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.present import Button, Column, Record, Section, Viewer, code, column, link, moment, table
from apps.fraud.admin.list_pages import PagesAdmin
from apps.fraud.admin.scorer_actions import ScorerActions
from apps.fraud.admin.scorer_card import card_sections
from apps.fraud.admin.scorer_cells import change_link, days, decides, figure, percent, stage_badge, state_badge, who
from apps.fraud.admin.scorer_compared import compared_section
from apps.fraud.admin.scorer_now import now_card
from apps.fraud.admin.scorer_pictures import picture_response
from apps.fraud.admin.scorer_point_pages import ScorerPointPages
from apps.fraud.admin.scorer_return_page import ScorerReturnPage
from apps.fraud.models import Scorer, ScorerPicture
from apps.fraud.selectors.scorers import HEAVY, change_open, changes, scorer_active
from apps.fraud.services.scorer_compare import scorer_compare
from apps.fraud.services.scorer_stages import PROMOTE, PROPOSE
from kivendtout.lib.clock import now

Stage = Scorer.Stage


def measured(name: str, draw: Any) -> Column:
    labels = {
        "auc": gettext_lazy("AUC"),
        "average_precision": gettext_lazy("average precision"),
        "recall_at_2": gettext_lazy("frauds caught at 2%"),
    }

    def cell(_viewer: Viewer, row: Any) -> Any:
        text = getattr(row, f"kvt_{name}", None)
        return draw(float(text) if text is not None else None)

    return Column(labels[name], cell, end=True)


def change_columns() -> list[Column]:
    return [
        Column(gettext_lazy("change"), change_link),
        Column(gettext_lazy("state"), lambda _viewer, row: state_badge(row)),
        Column(gettext_lazy("before"), lambda _viewer, row: decides(row.before)),
        Column(gettext_lazy("after"), lambda _viewer, row: decides(row.after)),
        Column(gettext_lazy("proposed by"), lambda _viewer, row: who(row.asked_by)),
        Column(gettext_lazy("proposed at"), lambda _viewer, row: moment(row.asked_at)),
        Column(gettext_lazy("settled by"), lambda _viewer, row: who(row.settled_by) if row.settled_at else "—"),
        Column(gettext_lazy("why"), lambda _viewer, row: row.note or "—"),
    ]


@admin.register(Scorer)
class ScorerAdmin(ScorerActions, ScorerPointPages, ScorerReturnPage, PagesAdmin):
    list_display = ("title", "stands", "auc", "precision", "recall", "period", "made", "why")
    list_filter = (choice_filter(gettext_lazy("stage"), "stage", lambda: Stage.choices),)
    list_before_template = "admin/fraud/scorers/now.html"
    search_fields = ("number",)
    search_hint = gettext_lazy("A number, or a part of the note.")
    ordering = ("-number",)
    sortable_by = ()
    record_icon = "model_training"
    title = listed(Column(gettext_lazy("scorer"), lambda viewer, row: link(viewer.url(row), row)))
    stands = listed(Column(gettext_lazy("stage"), lambda _viewer, row: stage_badge(row)))
    auc = listed(measured("auc", figure))
    precision = listed(measured("average_precision", figure))
    recall = listed(measured("recall_at_2", percent))
    period_column = Column(gettext_lazy("data period"), lambda _viewer, row: days(row.data_from, row.data_until))
    period = listed(period_column)
    made_column = Column(gettext_lazy("trained at"), lambda _viewer, row: moment(row.made_at))
    made = listed(made_column)
    why = listed(column(Scorer, "note"))
    record_facts = (
        period_column,
        made_column,
        Column(gettext_lazy("trained by"), lambda _viewer, row: who(row.made_by)),
        "note",
        Column(gettext_lazy("feature catalogue"), lambda _viewer, row: code(row.catalogue_version)),
        Column(gettext_lazy("digest"), lambda _viewer, row: code(f"{row.digest[:12]}…")),
        Column(gettext_lazy("MLflow run"), lambda _viewer, row: code(row.run_id) if row.run_id else _("Not told yet")),
    )

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Reports are long: the list takes three figures out of each, and leaves the rest where it is."""
        taken = {f"kvt_{name}": KT(f"report__measures__{name}") for name in ("auc", "average_precision", "recall_at_2")}
        return queryset.annotate(**taken).defer(*HEAVY)

    def search(self, term: str) -> Q:
        number = term.lstrip("#")
        plain = number.isascii() and number.isdigit() and len(number) < 9
        return Q(number=int(number)) if plain else Q(note__icontains=term)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        more = {"now": now_card(Viewer(request))} if request.method == "GET" else {}
        return super().changelist_view(request, {**more, **(extra_context or {})})

    # --- one scorer ---------------------------------------------------------------------------------------------------
    def record(self, viewer: Viewer, obj: Any) -> Record:
        record = super().record(viewer, obj)
        record.title = _("Scorer %(number)s") % {"number": obj}
        record.badges = [stage_badge(obj)]
        return record

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        found = card_sections(viewer, obj)
        made = list(changes().filter(scorer=obj))
        found.append(table(viewer, "changes", _("What was changed"), made, change_columns()))
        waiting = change_open()
        if waiting is not None and waiting.scorer_id == obj.pk:
            note = _("Proposed for production by %(who)s. It waits for a second person.") % {"who": waiting.asked_by}
            found.insert(0, Section("waiting", _("Proposed"), note=note, more_url=viewer.url(waiting),
                                    template="admin/fraud/scorers/note.html"))  # fmt: skip
        if obj.stage == Stage.SHADOW and "compare" in viewer.request.GET:
            active = scorer_active()
            comparison = scorer_compare(challenger=obj, champion=active.scorer if active else None, now=now())
            found.insert(0, compared_section(viewer, comparison))
        return found

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        found = self.action_buttons(viewer, obj)
        if obj.stage == Stage.SHADOW:
            found.append(Button(_("Compare with what decides"), "?compare=1#compared", "compare_arrows"))
        return found

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("now/<slug:action>/", wrap(self.now_view), name="fraud_scorer_now"),
            path("<int:scorer_id>/picture/<slug:name>/", wrap(self.picture_view), name="fraud_scorer_picture"),
            path("<int:scorer_id>/<slug:action>/act/", wrap(self.act_view), name="fraud_scorer_act"),
            path("<int:scorer_id>/propose/", wrap(self.propose_view), name="fraud_scorer_propose"),
            *super().get_urls(),
        ]

    def scorer(self, request: HttpRequest, scorer_id: int, permission: str = PROPOSE) -> Scorer:
        found = self.get_object(request, str(scorer_id))
        self.require(request, permission, found)
        if found is None:  # another tenant's is like one that does not exist
            raise Http404
        scorer: Scorer = found
        return scorer

    def now_view(self, request: HttpRequest, action: str) -> HttpResponse:
        self.require(request, PROMOTE)
        pages = {"go-back": self.go_back_page, "stand-down": self.stand_down_page, "thresholds": self.thresholds_page}
        if action not in pages:
            raise Http404
        return pages[action](request)

    def picture_view(self, request: HttpRequest, scorer_id: int, name: str) -> HttpResponse:
        scorer = self.scorer(request, scorer_id, "fraud.view_scorer")
        return picture_response(request, ScorerPicture.objects.filter(scorer=scorer, name=name))

    def back(self, scorer: Scorer) -> str:
        return reverse("admin:fraud_scorer_change", args=[scorer.pk])
