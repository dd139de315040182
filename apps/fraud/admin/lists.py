"""Lists: what each holds and means, and the way to put one entry or a file of them on it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.present import Button, Column, Section, Viewer, badge, column, latest_table, own_link
from apps.fraud.admin.list_entry import entry_columns
from apps.fraud.admin.list_import import ImportMixin
from apps.fraud.admin.list_pages import PagesAdmin
from apps.fraud.models import FraudList, ListEntry
from apps.fraud.selectors.lists import with_counts
from apps.fraud.services.lists import ADD, CHANGEABLE, MANAGE, list_change, list_create
from kivendtout.lib.tenancy import require_tenant_id

CREATE = "fraud.add_fraudlist"
TONES = {"allow": "success", "deny": "danger", "watch": "warning"}


class ChangeForm(forms.Form):
    name_fr = forms.CharField(label=gettext_lazy("Name in French"), max_length=120)
    name_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=120)
    effect = forms.ChoiceField(label=gettext_lazy("Effect"), choices=FraudList.Effect.choices)
    overrides_deny = forms.BooleanField(
        label=gettext_lazy("Silences a hard deny"),
        required=False,
        help_text=gettext_lazy("Allow lists only: a match lets pass what a hard rule or a deny list would stop."),
    )
    description = forms.CharField(
        label=gettext_lazy("Description"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


class CreateForm(ChangeForm):
    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=64,
        help_text=gettext_lazy("The name that rules use: small letters, digits and underscores. It stays."),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=FraudList.Kind.choices,
        help_text=gettext_lazy("What the entries are. It stays."),
    )
    field_order = ("code", "kind")


def effect_badge(row: FraudList) -> Any:
    return badge(row.get_effect_display(), TONES.get(row.effect, "neutral"))


@admin.register(FraudList)
class FraudListAdmin(ImportMixin, PagesAdmin):
    list_display = ("number", "title", "what", "meaning", "silences", "entries_now")
    list_filter = (
        choice_filter(gettext_lazy("kind"), "kind", lambda: FraudList.Kind.choices),
        choice_filter(gettext_lazy("effect"), "effect", lambda: FraudList.Effect.choices),
    )
    search_fields = ("code",)
    search_hint = gettext_lazy("A part of a list's code or name.")
    ordering = ("code",)
    sortable_by = ()
    record_icon = "playlist_add_check"
    effect_column = Column(gettext_lazy("effect"), lambda _viewer, row: effect_badge(row))
    number, meaning = listed(own_link(gettext_lazy("code"))), listed(effect_column)
    title = listed(Column(gettext_lazy("name"), lambda _viewer, row: row.name))
    what, silences = listed(column(FraudList, "kind")), listed(column(FraudList, "overrides_deny"))
    record_facts = ("name_fr", "name_en", "kind", effect_column, "overrides_deny", "description", "created_at")

    @admin.display(description=gettext_lazy("entries"))
    def entries_now(self, row: Any) -> int:
        return int(row.entries_now)

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return with_counts(queryset)

    def search(self, term: str) -> Q:
        return Q(code__icontains=term) | Q(name_fr__icontains=term) | Q(name_en__icontains=term)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(CREATE))

    # --- one list -----------------------------------------------------------------------------------------------------
    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        entries = ListEntry.objects.filter(list=obj, removed_at=None).select_related("added_by").order_by("-added_at")
        empty = _("Nothing stands on this list.")
        return [latest_table(viewer, "entries", _("Entries"), entries, entry_columns(), empty=empty, list=obj.pk)]

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        manages, found = viewer.user.has_perm(MANAGE), []
        if manages or (viewer.user.has_perm(ADD) and not obj.overrides_deny):
            url = f"{reverse('admin:fraud_listentry_add')}?list={obj.pk}"
            found.append(Button(_("Add an entry"), url, "add", primary=True))
        if manages:
            found.append(Button(_("Import a file"), reverse("admin:fraud_fraudlist_import", args=[obj.pk]), "upload"))
            found.append(Button(_("Change"), reverse("admin:fraud_fraudlist_edit", args=[obj.pk]), "edit"))
        return found

    def get_urls(self) -> list[URLPattern]:
        edit = self.admin_site.admin_view(self.edit_view)
        return [path("<path:object_id>/edit/", edit, name="fraud_fraudlist_edit"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        self.require(request, CREATE)
        form = CreateForm(request.POST if request.method == "POST" else None)

        def save(told: dict[str, Any]) -> HttpResponse:
            made = list_create(tenant_id=require_tenant_id(), actor=request.user, **told)  # type: ignore[arg-type]
            messages.success(request, _("The list has been made."))
            return HttpResponseRedirect(reverse("admin:fraud_fraudlist_change", args=[made.pk]))

        back = reverse("admin:fraud_fraudlist_changelist")
        return self.form_page(request, form, save, title=_("New list"), submit=_("Make the list"), back_url=back)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        fraud_list = self.get_object(request, unquote(object_id))
        self.require(request, MANAGE, fraud_list)
        if fraud_list is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        now = {name: getattr(fraud_list, name) for name in CHANGEABLE}
        form = ChangeForm(request.POST if request.method == "POST" else None, initial=now)
        back = reverse("admin:fraud_fraudlist_change", args=[fraud_list.pk])

        def save(told: dict[str, Any]) -> HttpResponse:
            list_change(fraud_list=fraud_list, actor=request.user, **told)  # type: ignore[arg-type]
            messages.success(request, _("The list has been changed."))
            return HttpResponseRedirect(back)

        title, submit = _("Change the list"), _("Save")
        return self.form_page(request, form, save, title=title, submit=submit, back_url=back, obj=fraud_list)
