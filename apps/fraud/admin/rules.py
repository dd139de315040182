"""Rules: what each says and who let it; and the pages on which people write, try, approve, retire and return."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import Titled, listed
from apps.compliance.admin.filters import ChoiceFilter
from apps.compliance.admin.present import Button, Record, Section, Viewer, code, table
from apps.fraud.admin.list_pages import PagesAdmin
from apps.fraud.admin.rule_actions import ACTIONS, actions_of
from apps.fraud.admin.rule_cells import (
    action_url,
    parameters,
    rule_columns,
    standing,
    states,
    version_columns,
    version_facts,
    weight,
)
from apps.fraud.admin.rule_forms import NewRuleForm, VersionForm, initial_of
from apps.fraud.models import Rule, RuleVersion
from apps.fraud.selectors.rules import rule_versions
from apps.fraud.services.rules import DRAFT, rule_draft, rule_draft_edit
from kivendtout.lib.clock import now

CREATE = "fraud.add_rule"


class StateFilter(ChoiceFilter):
    title = gettext_lazy("state")
    parameter_name = "state"
    options = staticmethod(lambda: RuleVersion.State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in RuleVersion.State.values:
            return queryset
        return queryset.filter(Exists(RuleVersion.objects.filter(rule=OuterRef("pk"), state=self.value())))


def titled(version: RuleVersion) -> Titled:
    """A version has no list of its own: the way back leads to its rule."""
    return Titled(version.rule, str(version))


def said(note: Any, version: RuleVersion) -> Any:
    """Nobody approves what they do not see."""
    return format_html("{}<br>{} {} {}", note, weight(version), code(version.expression), parameters(version))


@admin.register(Rule)
class RuleAdmin(PagesAdmin):
    list_display = ("number", "where", "which", "weighs", "how_grave", "says", "whose")
    list_filter = (StateFilter,)
    search_fields = ("code",)
    search_hint = gettext_lazy("A part of a rule's code.")
    ordering = ("code",)
    sortable_by = ()
    record_icon = "rule"
    number, where, which, weighs, how_grave, says, whose = (listed(one) for one in rule_columns())
    record_facts = tuple(version_facts())

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.prefetch_related("versions")

    def search(self, term: str) -> Q:
        return Q(code__icontains=term)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(CREATE))

    # --- one rule -----------------------------------------------------------------------------------------------------
    def record(self, viewer: Viewer, obj: Any) -> Record:
        record = super().record(viewer, obj)
        version = standing(obj)
        record.badges, record.lead = [states(obj)], version.sentence if version else ""
        return record

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        shown = version_columns(may_return=viewer.user.has_perm(DRAFT))
        return [table(viewer, "versions", _("Versions"), rule_versions(rule=obj), shown)]

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        if not viewer.user.has_perm(DRAFT):
            return []
        found = [
            Button(
                f"{ACTIONS[name].label} (v{one.number})", action_url(one, name), ACTIONS[name].icon, name == "approve"
            )
            for one in rule_versions(rule=obj)
            for name in actions_of(one, viewer.user)
        ]
        return [*found, Button(_("New version"), reverse("admin:fraud_rule_version", args=[obj.pk]), "add")]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:rule_id>/version/", wrap(self.version_view), name="fraud_rule_version"),
            path("<int:rule_id>/version/<int:number>/edit/", wrap(self.edit_view), name="fraud_rule_edit"),
            path("<int:rule_id>/version/<int:number>/<slug:action>/", wrap(self.act_view), name="fraud_rule_act"),
            *super().get_urls(),
        ]

    def _rule(self, request: HttpRequest, rule_id: int) -> Rule:
        rule = self.get_object(request, unquote(str(rule_id)))
        self.require(request, DRAFT, rule)
        if rule is None:  # another tenant's is like one that does not exist
            raise Http404
        return rule

    def _version(self, request: HttpRequest, rule_id: int, number: int) -> RuleVersion:
        rule = self._rule(request, rule_id)
        version = RuleVersion.objects.select_related("rule").filter(rule=rule, number=number).first()
        if version is None:
            raise Http404
        return version

    def _back(self, request: HttpRequest, rule_id: int, text: Any) -> HttpResponse:
        messages.success(request, text)
        return HttpResponseRedirect(reverse("admin:fraud_rule_change", args=[rule_id]))

    # --- writing ------------------------------------------------------------------------------------------------------
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        self.require(request, CREATE)
        form = NewRuleForm(request.POST if request.method == "POST" else None, initial={"owner": request.user})
        back = reverse("admin:fraud_rule_changelist")
        return self._write(request, form, title=_("New rule"), back_url=back, obj=None)

    def version_view(self, request: HttpRequest, rule_id: int) -> HttpResponse:
        rule = self._rule(request, rule_id)
        latest = standing(rule)
        initial = initial_of(latest) if latest else {}
        form = VersionForm(request.POST if request.method == "POST" else None, initial=initial, code=rule.code)
        back = reverse("admin:fraud_rule_change", args=[rule.pk])
        return self._write(request, form, title=_("New version"), back_url=back, obj=rule)

    def _write(self, request: HttpRequest, form: VersionForm, *, title: Any, back_url: str, obj: Any) -> HttpResponse:
        def save(told: dict[str, Any]) -> HttpResponse:
            assert form.content is not None
            made = rule_draft(content=form.content, actor=request.user, now=now(), note=told["note"])  # type: ignore[arg-type]
            return self._back(request, made.rule_id, _("The draft has been saved."))

        return self.form_page(request, form, save, title=title, submit=_("Save the draft"), back_url=back_url, obj=obj)

    def edit_view(self, request: HttpRequest, rule_id: int, number: int) -> HttpResponse:
        version = self._version(request, rule_id, number)
        initial = {**initial_of(version), "note": version.change_note}
        form = VersionForm(request.POST if request.method == "POST" else None, initial=initial, code=version.rule.code)

        def save(told: dict[str, Any]) -> HttpResponse:
            assert form.content is not None
            rule_draft_edit(version=version, content=form.content, actor=request.user, note=told["note"])  # type: ignore[arg-type]
            return self._back(request, rule_id, _("The draft has been saved."))

        back = reverse("admin:fraud_rule_change", args=[rule_id])
        title = _("Edit the draft")
        return self.form_page(
            request, form, save, title=title, submit=_("Save the draft"), back_url=back, obj=titled(version)
        )

    # --- moving -------------------------------------------------------------------------------------------------------
    def act_view(self, request: HttpRequest, rule_id: int, number: int, action: str) -> HttpResponse:
        version = self._version(request, rule_id, number)
        if action not in ACTIONS or action == "edit":
            raise Http404
        chosen = ACTIONS[action]
        form = chosen.form(request.POST if request.method == "POST" else None)

        def save(told: dict[str, Any]) -> HttpResponse:
            assert chosen.run is not None
            chosen.run(version=version, actor=request.user, now=now(), **told)
            return self._back(request, rule_id, chosen.done)

        back = reverse("admin:fraud_rule_change", args=[rule_id])
        return self.form_page(
            request, form, save, title=chosen.label, submit=chosen.label, back_url=back, obj=titled(version),
            icon=chosen.icon, note=said(chosen.note, version),
        )  # fmt: skip
