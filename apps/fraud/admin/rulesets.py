"""Rule sets: what each held, what changed with it, and the way back to it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import listed
from apps.compliance.admin.present import (
    Button,
    Column,
    Record,
    Section,
    Viewer,
    badge,
    code,
    column,
    link,
    table,
)
from apps.fraud.admin.list_pages import PagesAdmin
from apps.fraud.admin.rule_cells import parameters, severity_badge, weight
from apps.fraud.admin.rule_forms import ConfirmForm
from apps.fraud.models import ActiveRuleSet, RuleSet, RuleVersion
from apps.fraud.selectors.rules import ruleset_active, ruleset_before, ruleset_diff, ruleset_versions
from apps.fraud.services.rulesets import APPROVE, ruleset_activate
from kivendtout.lib.clock import now

TONES = {"+": "success", "-": "danger", "@": "info"}


def in_force(_viewer: Viewer, ruleset: RuleSet) -> Any:
    known = getattr(ruleset, "kvt_active", None)
    active = ActiveRuleSet.objects.filter(ruleset_id=ruleset.pk).exists() if known is None else known
    return badge(_("In force"), "success") if active else ""


def member_columns() -> list[Column]:
    """Of (version, was it in shadow?)."""
    return [
        Column(gettext_lazy("code"), lambda viewer, one: link(viewer.url(one[0].rule), one[0].rule.code)),
        Column(gettext_lazy("version"), lambda _viewer, one: f"v{one[0].number}"),
        Column(gettext_lazy("state"), lambda _viewer, one: _state(shadow=one[1])),
        Column(gettext_lazy("points or action"), lambda _viewer, one: weight(one[0])),
        Column(gettext_lazy("severity"), lambda _viewer, one: severity_badge(one[0])),
        Column(gettext_lazy("expression"), lambda _viewer, one: code(one[0].expression)),
        Column(gettext_lazy("parameters"), lambda _viewer, one: parameters(one[0])),
    ]


def _state(*, shadow: bool) -> Any:
    state = RuleVersion.State.SHADOW if shadow else RuleVersion.State.LIVE
    return badge(state.label, "info" if shadow else "success")


@admin.register(RuleSet)
class RuleSetAdmin(PagesAdmin):
    list_display = ("title", "current", "what_changed", "made", "maker")
    search_fields = ("number",)
    search_hint = gettext_lazy("A number, or a part of the name.")
    ordering = ("-number",)
    sortable_by = ()
    record_icon = "inventory"
    title = listed(Column(gettext_lazy("rule set"), lambda viewer, row: link(viewer.url(row), row)))
    current = listed(Column(gettext_lazy("in force"), in_force))
    what_changed = listed(column(RuleSet, "note"))
    made = listed(column(RuleSet, "created_at"))
    maker_column = Column(gettext_lazy("made by"), lambda _v, row: str(row.created_by or _("The product")))
    maker = listed(maker_column)
    record_facts = (
        "note",
        "created_at",
        maker_column,
        Column(gettext_lazy("digest"), lambda _v, row: code(row.digest)),
        Column(gettext_lazy("feature catalogue"), lambda _v, row: code(row.catalogue_version)),
    )

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("created_by").defer("content")

    def search(self, term: str) -> Q:
        number = term.lstrip("#")
        return (
            Q(number=int(number))
            if number.isascii() and number.isdigit() and len(number) < 9
            else Q(name__icontains=term)
        )

    def record(self, viewer: Viewer, obj: Any) -> Record:
        record = super().record(viewer, obj)
        record.badges = [one] if (one := in_force(viewer, obj)) else []
        return record

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        before = ruleset_before(ruleset=obj)
        title = _("Changes since %(ruleset)s") % {"ruleset": before} if before else _("The first rule set")
        lines = ruleset_diff(before=before, after=obj).splitlines()
        diff = Section("diff", title, template="admin/fraud/rules/diff.html", empty=_("No rule changed."))
        diff.data = {"lines": [{"text": line, "tone": TONES.get(line[:1], "")} for line in lines]}
        members = ruleset_versions(ruleset=obj)
        return [table(viewer, "rules", _("Rules"), members, member_columns(), empty=_("It holds no rule.")), diff]

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        if not viewer.user.has_perm(APPROVE) or obj == ruleset_active():
            return []
        return [Button(_("Put in force"), reverse("admin:fraud_ruleset_activate", args=[obj.pk]), "undo", primary=True)]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.activate_view)
        return [path("<int:ruleset_id>/activate/", view, name="fraud_ruleset_activate"), *super().get_urls()]

    def activate_view(self, request: HttpRequest, ruleset_id: int) -> HttpResponse:
        ruleset = self.get_object(request, str(ruleset_id))
        self.require(request, APPROVE, ruleset)
        if ruleset is None:
            raise Http404
        back = reverse("admin:fraud_ruleset_change", args=[ruleset.pk])

        def save(_told: dict[str, Any]) -> HttpResponse:
            ruleset_activate(ruleset=ruleset, actor=request.user, now=now())  # type: ignore[arg-type]
            messages.success(request, _("%(ruleset)s decides from now on.") % {"ruleset": ruleset})
            return HttpResponseRedirect(back)

        form = ConfirmForm(request.POST if request.method == "POST" else None)
        note = _("It decides from now on. All its rules were approved when it was made; what came later is retired.")
        title = _("Put in force")
        return self.form_page(
            request, form, save, title=title, submit=title, back_url=back, obj=ruleset, icon="undo", note=note
        )
