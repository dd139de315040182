"""Entries of lists: shown masked, added by typing the clear value once, taken off, never rewritten."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import listed
from apps.compliance.admin.filters import ChoiceFilter, Choices, choice_filter, related_filter
from apps.compliance.admin.present import MASK, Button, Column, Viewer, badge, column, link
from apps.fraud.admin.list_pages import PagesAdmin, UnseenInput
from apps.fraud.models import FraudList, ListEntry
from apps.fraud.selectors.lists import MOST_FOUND, entry_ids, entry_state, in_state
from apps.fraud.services.lists import ADD, LONGEST_REASON, MANAGE, REMOVE, list_entry_add, list_entry_remove
from kivendtout.lib.clock import now

STATES = {
    "live": (gettext_lazy("On the list"), "success"),
    "expired": (gettext_lazy("Expired"), "neutral"),
    "removed": (gettext_lazy("Removed"), "neutral"),
}
# Ids that the posted search found, in an address: the clear value stays out of it.
FOUND = "id:"


class EntryForm(forms.Form):
    # Without rows until it is used: at import there is no tenant whose lists it could offer.
    list = forms.ModelChoiceField(label=gettext_lazy("List"), queryset=FraudList._base_manager.none())
    value = forms.CharField(
        label=gettext_lazy("Value"),
        max_length=300,
        widget=UnseenInput,
        help_text=gettext_lazy("Type it in clear. What names a person is kept as a keyed hash only."),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=LONGEST_REASON)
    expires_at = forms.DateTimeField(
        label=gettext_lazy("Expires at (UTC)"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        help_text=gettext_lazy("Empty: until somebody takes it off."),
    )

    def __init__(self, *args: Any, manages: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lists = FraudList.objects.order_by("code")
        self.fields["list"].queryset = lists if manages else lists.filter(overrides_deny=False)  # type: ignore[attr-defined]


class RemoveForm(forms.Form):
    """Nothing to fill in: sending it is the answer."""


def shown(row: ListEntry) -> str:
    return row.value or row.hint or MASK


def state_badge(row: ListEntry) -> Any:
    label, tone = STATES[entry_state(row, now())]
    return badge(label, tone)


def entry_columns() -> list[Column]:
    return [
        Column(gettext_lazy("value"), lambda viewer, row: link(viewer.url(row), shown(row))),
        Column(gettext_lazy("state"), lambda _viewer, row: state_badge(row)),
        column(ListEntry, "reason"),
        # A colleague answers for it, and is named to colleagues.
        Column(gettext_lazy("added by"), lambda _viewer, row: str(row.added_by)),
        column(ListEntry, "added_at"),
        column(ListEntry, "expires_at"),
        Column(gettext_lazy("uses"), lambda _viewer, row: row.uses, end=True),
    ]


class StateFilter(ChoiceFilter):
    title, parameter_name = gettext_lazy("state"), "state"

    @staticmethod
    def options() -> Choices:
        return [(name, label) for name, (label, _tone) in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return in_state(queryset, value, now()) if value in STATES else queryset


@admin.register(ListEntry)
class ListEntryAdmin(PagesAdmin):
    list_display = ("name", "which", "state", "why", "who", "added", "expires", "used")
    list_filter = (
        related_filter("list", gettext_lazy("list")),
        choice_filter(gettext_lazy("kind"), "list__kind", lambda: FraudList.Kind.choices, parameter="kind"),
        StateFilter,
    )
    search_fields = ("value",)
    search_hint = gettext_lazy("A whole value in clear: an e-mail address, a card's fingerprint, a network …")
    ordering = ("-pk",)
    sortable_by = ()
    record_icon = "playlist_add_check"
    list_column = column(ListEntry, "list")
    name, state, why, who, added, expires, used = (listed(one) for one in entry_columns())
    which = listed(list_column)
    record_facts = (list_column, *entry_columns(), "last_used_at", "removed_at")

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("list", "added_by")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(ADD))

    # --- search -------------------------------------------------------------------------------------------------------
    def search(self, term: str) -> Q:
        if term.startswith(FOUND):
            numbers = [one for one in term.removeprefix(FOUND).split(",") if one.isascii() and one.isdigit()]
            return Q(pk__in=[int(one) for one in numbers[:MOST_FOUND] if len(one) <= 18])
        return Q(pk__in=entry_ids(term))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        find_url = reverse("admin:fraud_listentry_find")
        return super().changelist_view(request, {"find_url": find_url, **(extra_context or {})})

    def find_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        term = request.POST.get("q", "").replace("\0", "").strip()[:300]
        found = entry_ids(term) if term else []
        if term and not found:
            messages.warning(request, _("This value stands on no list."))
        address = reverse("admin:fraud_listentry_changelist")
        query = urlencode({"q": FOUND + ",".join(map(str, found))})
        return HttpResponseRedirect(f"{address}?{query}" if term else address)

    # --- adding and taking off ----------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("find/", wrap(self.find_view), name="fraud_listentry_find"),
            path("<path:object_id>/remove/", wrap(self.remove_view), name="fraud_listentry_remove"),
            *super().get_urls(),
        ]

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        if obj.removed_at is not None or not viewer.user.has_perm(REMOVE):
            return []
        return [Button(_("Take off the list"), reverse("admin:fraud_listentry_remove", args=[obj.pk]), "remove")]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        self.require(request, ADD)
        manages = request.user.has_perm(MANAGE)
        first = {"list": number} if (number := request.GET.get("list", "")).isdecimal() and len(number) < 19 else {}
        form = EntryForm(request.POST if request.method == "POST" else None, manages=manages, initial=first)

        def save(told: dict[str, Any]) -> HttpResponse:
            entry = list_entry_add(fraud_list=told.pop("list"), actor=request.user, now=now(), **told)  # type: ignore[arg-type]
            messages.success(request, _("The value stands on the list “%(list)s”.") % {"list": entry.list})
            return HttpResponseRedirect(reverse("admin:fraud_fraudlist_change", args=[entry.list_id]))

        back = reverse("admin:fraud_listentry_changelist")
        title, submit = _("Add an entry"), _("Put on the list")
        return self.form_page(request, form, save, title=title, submit=submit, back_url=back, icon="add")

    def remove_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        entry = self.get_object(request, unquote(object_id))
        self.require(request, REMOVE, entry)
        if entry is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        back = reverse("admin:fraud_listentry_change", args=[entry.pk])

        def save(_told: dict[str, Any]) -> HttpResponse:
            list_entry_remove(entry=entry, actor=request.user, now=now())  # type: ignore[arg-type]
            messages.success(request, _("The entry has been taken off the list."))
            return HttpResponseRedirect(back)

        form = RemoveForm(request.POST if request.method == "POST" else None)
        note = _("Payments from now on no longer meet it. It stays in the history, as decisions name it.")
        title, submit = _("Take off the list"), _("Take it off")
        return self.form_page(
            request, form, save, title=title, submit=submit, back_url=back, obj=entry, icon="remove", note=note
        )
