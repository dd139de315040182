"""What all pages of the admin site share: the tenant's rows only, quick lists, records that nobody edits."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import ChangeList

from apps.compliance.admin.history import may_read_audit, object_entries
from apps.compliance.admin.limits import LIST_MILLISECONDS, BoundedPaginator, statement_limit, took_too_long
from apps.compliance.admin.periods import PeriodFilter
from apps.compliance.admin.present import Button, Column, Record, Section, Viewer, facts
from kivendtout.lib.tenancy import require_tenant_id

# Parameters that choose no rows.
NOT_FILTERS = {"p", "o", "all", "e", "_popup", "_to_field", "_changelist_filters"}


def help_texts(opts: Any) -> dict[str, str]:
    """Models explain their columns in English, for the data dictionary; a form shows what the reader's language has."""
    english = (get_language() or "").startswith("en")
    shown = {}
    for one in opts.get_fields():
        text = str(getattr(one, "help_text", ""))
        translated = _(text) if text else ""
        ours = isinstance(getattr(one, "help_text", ""), str) and text
        shown[one.name] = translated if english or not ours or translated != text else ""
    return shown


class KvtChangeList(ChangeList):
    result_list: Any

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        queryset: QuerySet[Any] = self.model_admin.for_list(super().get_queryset(request, exclude_parameters))
        return queryset

    def get_results(self, request: HttpRequest) -> None:
        """Fetched here, within the list's time limit; each row knows who looks, as its columns depend on it."""
        super().get_results(request)
        self.full_result_count = self.result_count  # the paginator tells the count, once and honestly
        viewer = Viewer(request)
        self.result_list = list(self.result_list)
        for row in self.result_list:
            row.kvt_viewer = viewer


def listed(one: Column) -> Any:
    """A column of a record's table, as a column of a list."""

    @display(description=one.label)
    def draw(self: Any, row: Any) -> Any:
        return one.draw(row.kvt_viewer, row)

    return draw


class TenantForm(forms.ModelForm):
    """Knows the row's tenant before it checks: a number is unique within one, and the form itself has no such field."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if getattr(self.instance, "tenant_id", 0) is None:
            self.instance.tenant_id = require_tenant_id()

    def _get_validation_exclusions(self) -> set[str]:
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"tenant"}


class KvtAdmin(ModelAdmin):
    """Rows come from the models' own managers, which return the signed-in person's tenant only."""

    form: type[forms.ModelForm] = TenantForm
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # facets count every choice of every filter
    paginator = BoundedPaginator
    list_per_page = 50
    list_before_template = "admin/kvt/periods.html"
    search_hint: Any = ""
    empty_value_display = "—"

    class Media:
        css = {"all": ["admin-kvt/admin.css"]}

    # --- lists --------------------------------------------------------------------------------------------------------
    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What a list needs of each row and no more: a list must not decrypt what it masks."""
        return queryset

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KvtChangeList

    def get_paginator(self, request: HttpRequest, queryset: Any, per_page: int, *args: Any, **kwargs: Any) -> Any:
        return self.paginator(queryset, per_page, *args, **kwargs, filtered=bool(set(request.GET) - NOT_FILTERS))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method != "GET":
            return super().changelist_view(request, extra_context)
        try:
            with statement_limit(LIST_MILLISECONDS):
                response = super().changelist_view(request, {"search_hint": self.search_hint, **(extra_context or {})})
                return response.render() if isinstance(response, TemplateResponse) else response
        except OperationalError as error:
            if not took_too_long(error):
                raise
            return self._narrow(request)

    def _narrow(self, request: HttpRequest) -> HttpResponse:
        """The question was too wide for the time a list has: ask the same of the latest month."""
        query = request.GET.copy()
        kind = next((one for one in self.get_list_filter(request) if _is_period(one)), None)
        if kind is not None and not query.get("period"):
            query["period"] = _latest_month(kind, self.get_queryset(request))
            text = _("Searching all dates took too long. This is the latest month; choose another one above the list.")
        else:
            query.clear()
            text = _("This search took too long. Search by an exact number, or add a filter.")
        messages.warning(request, text)
        return HttpResponseRedirect(f"{request.path}?{query.urlencode()}")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Declared filters only: `?last_four=4242` would tell what the mask hides."""
        assert request is not None
        allowed: set[str] = set()
        for one in self.get_list_filter(request):
            if isinstance(one, str):
                allowed |= {f"{one}__exact", f"{one}__isnull"}
            elif not isinstance(one, tuple):
                allowed.add(getattr(one, "parameter_name", ""))
        return lookup in allowed

    # --- search -------------------------------------------------------------------------------------------------------
    def search(self, term: str) -> Q:
        """Which rows the term names exactly. A list without a search finds nothing by one that an address carries."""
        return Q(pk__in=())

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.replace("\0", "").strip()[:254]
        return (queryset.filter(self.search(term)) if term else queryset), False

    # --- forms --------------------------------------------------------------------------------------------------------
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs.setdefault("help_texts", help_texts(self.opts))
        return super().get_form(request, obj, change=change, **kwargs)

    # --- history ------------------------------------------------------------------------------------------------------
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The audit trail holds it already, masked and with its trace; Django's own log would be a second truth."""

    log_change = log_addition

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """As above."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context = {"show_history": may_read_audit(request), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, obj) or not may_read_audit(request):
            raise PermissionDenied
        section = object_entries(Viewer(request), obj, limit=200)
        record = Record(title=str(obj), kind=str(self.opts.verbose_name), icon="history", sections=[section])
        return self.render_record(request, obj, record, template="admin/kvt/record.html")

    def render_record(self, request: HttpRequest, obj: Model, record: Record, *, template: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": record.title,
            "object": Titled(obj, record.title),
            "record": record,
        }
        request.current_app = self.admin_site.name  # as Django's own admin views do
        return TemplateResponse(request, template, context)


class Titled:
    """A record under the title that people know it by, for the way back at the top of its page."""

    def __init__(self, obj: Model, title: str) -> None:
        self._meta, self.pk, self.title = obj._meta, obj.pk, title

    def __str__(self) -> str:
        return self.title


class InUse:
    """For what payments or orders point at: Django's own way of deleting would first read every row that does."""

    def in_use(self, obj: Any) -> bool:
        raise NotImplementedError

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        names = [str(obj) for obj in objs]
        kept = [str(obj) for obj in objs if self.in_use(obj)]
        return names, {str(self.opts.verbose_name_plural): len(names)}, set(), kept  # type: ignore[attr-defined]


def _is_period(one: Any) -> bool:
    return isinstance(one, type) and issubclass(one, PeriodFilter)


def _latest_month(kind: type[PeriodFilter], queryset: QuerySet[Any]) -> str:
    latest = queryset.order_by(f"-{kind.field}").values_list(kind.field, flat=True).first()
    return f"{latest:%Y-%m}" if latest else "2000-01"


class ReadOnly:
    """What the product records is not rewritten here, whoever asks, superusers included."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RecordAdmin(ReadOnly, KvtAdmin):
    """A list, and for each row a page of facts and what hangs on it. No form, so nothing that could be sent."""

    record_template = "admin/kvt/record.html"
    record_icon = "description"
    record_facts: tuple[Any, ...] = ()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, obj) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        viewer = Viewer(request)
        record = self.record(viewer, obj)
        if may_read_audit(request):
            record.sections.append(object_entries(viewer, obj))
        return self.render_record(request, obj, record, template=self.record_template)

    def record(self, viewer: Viewer, obj: Any) -> Record:
        return Record(
            title=str(obj),
            kind=str(self.opts.verbose_name),
            icon=self.record_icon,
            facts=facts(viewer, obj, self.record_facts),
            sections=self.sections(viewer, obj),
            buttons=self.buttons(viewer, obj),
        )

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        return []

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        return []
