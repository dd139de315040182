from __future__ import annotations

from typing import Any

from auditlog.registry import auditlog
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin, listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.history import ACTIONS, entry_columns
from apps.compliance.admin.periods import period_filter
from apps.compliance.admin.present import Column, Viewer, code, link, masked
from apps.compliance.models import AuditEntry, User

admin.site.unregister(AuditEntry)  # auditlog's own page shows every tenant's entries


class ActorFilter(SimpleListFilter):
    title = gettext_lazy("who")
    parameter_name = "actor"
    template = "admin/kvt/filter_chips.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        people = User.objects.filter(tenant_id=request.user.tenant_id).order_by("email")[:100]  # type: ignore[union-attr]
        return [(str(one.pk), str(one)) for one in people]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = {value for value, _label in self.lookup_choices}
        return queryset.filter(actor_id=int(self.value() or 0)) if self.value() in known else queryset


class SubjectFilter(SimpleListFilter):
    title = gettext_lazy("kind of object")
    parameter_name = "model"
    template = "admin/kvt/filter_chips.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        models = sorted(auditlog.get_models(), key=lambda model: str(model._meta.verbose_name))
        kinds = ContentType.objects.get_for_models(*models)
        return [(str(kinds[model].pk), str(capfirst(model._meta.verbose_name))) for model in models]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = {value for value, _label in self.lookup_choices}
        return queryset.filter(content_type_id=int(self.value() or 0)) if self.value() in known else queryset


def subject(viewer: Viewer, entry: AuditEntry) -> Any:
    model = entry.content_type.model_class()
    url = viewer.url_of(model._meta.label, entry.object_pk) if model else ""
    return link(url, f"{capfirst(str(entry.content_type.name))} {entry.object_repr}")


@admin.register(AuditEntry)
class AuditEntryAdmin(RecordAdmin):
    list_display = ("when", "who", "did", "about", "changed", "trace")
    list_filter = (
        period_filter("timestamp"),
        ActorFilter,
        choice_filter(
            gettext_lazy("action"), "action", lambda: [(str(value), label) for value, (label, _t) in ACTIONS.items()]
        ),
        SubjectFilter,
    )
    search_fields = ("object_pk",)
    search_hint = gettext_lazy("A whole trace id, object id, or colleague's e-mail address.")
    ordering = ("-timestamp", "-pk")
    sortable_by = ()
    record_icon = "policy"
    when, who, did, changed, trace = (listed(one) for one in entry_columns())
    about = listed(Column(gettext_lazy("object"), subject))
    record_facts = (
        *entry_columns(),
        Column(gettext_lazy("object"), subject),
        Column(gettext_lazy("whole trace"), lambda _viewer, row: code(row.cid)),
        Column(gettext_lazy("object id"), lambda _viewer, row: code(row.object_pk)),
        Column(gettext_lazy("address"), lambda _viewer, row: masked(row.address_hash)),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        own = super().get_queryset(request).filter(tenant_id=request.user.tenant_id)  # type: ignore[union-attr]
        return own.select_related("actor", "content_type")

    def search(self, term: str) -> Q:
        people = list(User.objects.filter(email__iexact=term).values_list("pk", flat=True))
        return Q(cid=term) | Q(object_pk=term) | Q(actor_id__in=people)
