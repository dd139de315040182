"""Each scorer's days: how far payments are from training, what labels say, and Evidently's page, fenced in."""

from __future__ import annotations

import gzip
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path, reverse
from django.utils.cache import patch_vary_headers
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin, listed
from apps.compliance.admin.present import Button, Column, Record, Section, Viewer, column, link
from apps.fraud.admin.decision_cells import percent
from apps.fraud.admin.scorer_watch_parts import (
    features_section,
    figure,
    labels_section,
    out_badges,
    out_section,
    psi_badge,
    volume_section,
    worst_psi,
)
from apps.fraud.models import ScorerWatch

# The page brings scripts of its own, inline. The sandbox takes our origin away from them: no cookie, no storage, no
# request in the reader's name; and they may load and send nothing at all.
PAGE_POLICY: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@admin.register(ScorerWatch)
class ScorerWatchAdmin(RecordAdmin):
    list_display = (
        "of_day",
        "of_scorer",
        "state",
        "payments_",
        "alerts_",
        "score_",
        "worst_",
        "auc_",
        "precise",
    )
    ordering = ("-day", "-pk")
    sortable_by = ()
    record_icon = "monitoring"
    of_day = listed(
        Column(gettext_lazy("day"), lambda viewer, row: link(viewer.url(row), date_format(row.day, "j N Y")))
    )
    of_scorer = listed(Column(gettext_lazy("scorer"), lambda viewer, row: link(viewer.url(row.scorer), row.scorer)))
    state = listed(Column(gettext_lazy("state"), lambda _viewer, row: out_badges(row.kvt_out)))
    payments_ = listed(Column(gettext_lazy("payments"), lambda _viewer, row: figure(row.payments, 0), end=True))
    alerts_ = listed(Column(gettext_lazy("alerts"), lambda _viewer, row: figure(row.alerts, 0), end=True))
    score_ = listed(Column(gettext_lazy("PSI of the score"), lambda _viewer, row: psi_badge(row.score_psi), end=True))
    worst_ = listed(Column(gettext_lazy("worst PSI"), lambda _viewer, row: worst_psi(row)))
    auc_ = listed(Column(gettext_lazy("AUC"), lambda _viewer, row: figure(row.auc), end=True))
    precise = listed(Column(gettext_lazy("precision"), lambda _viewer, row: percent(row.precision), end=True))
    record_facts = (
        Column(gettext_lazy("scorer"), lambda viewer, row: link(viewer.url(row.scorer), row.scorer)),
        column(ScorerWatch, "day"),
        Column(gettext_lazy("payments"), lambda _viewer, row: figure(row.payments, 0)),
        Column(gettext_lazy("PSI of the score"), lambda _viewer, row: psi_badge(row.score_psi)),
        column(ScorerWatch, "made_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without a megabyte of page a row."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("scorer").defer("report", "scorer__report", "scorer__parameters")

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.annotate(kvt_out=F("findings__out")).defer(
            "findings", "report", "scorer__report", "scorer__parameters", "scorer__baseline"
        )

    def record(self, viewer: Viewer, obj: Any) -> Record:
        record = super().record(viewer, obj)
        record.title = _("Scorer %(scorer)s on %(day)s") % {"scorer": obj.scorer, "day": date_format(obj.day, "j F Y")}
        record.badges = [out_badges(obj.findings.get("out"))]
        return record

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        return [out_section(obj), labels_section(obj), *volume_section(obj), features_section(obj)]

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        if not ScorerWatch.objects.filter(pk=obj.pk, report__isnull=False).exists():
            return []
        address = reverse("admin:fraud_scorerwatch_page", args=[obj.pk])
        return [
            Button(_("Evidently's page"), address, "insert_chart"),
            Button(_("Download it"), f"{address}?download", "download"),
        ]

    # --- Evidently's page ---------------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.page_view)
        return [path("<int:watch_id>/page/", view, name="fraud_scorerwatch_page"), *super().get_urls()]

    def page_view(self, request: HttpRequest, watch_id: int) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = ScorerWatch.objects.filter(pk=watch_id, report__isnull=False).select_related("scorer").first()
        if row is None:  # another tenant's is like one that does not exist
            raise Http404
        name = f"scorer-{row.scorer.number}-{row.day}.html" if "download" in request.GET else ""
        return page_response(bytes(row.report), packed=_takes_gzip(request), download=name)


def page_response(page: bytes, *, packed: bool, download: str = "") -> HttpResponse:
    """`packed`: the browser takes it as it is kept."""
    response = HttpResponse(page if packed else gzip.decompress(page), content_type="text/html; charset=utf-8")
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    response.headers["Content-Security-Policy"] = PAGE_POLICY  # ours, set first, is not replaced by the site's
    response.headers["Cache-Control"] = "private, max-age=3600"
    if download:
        response.headers["Content-Disposition"] = f'attachment; filename="{download}"'
    return response


def _takes_gzip(request: HttpRequest) -> bool:
    offered = request.headers.get("Accept-Encoding", "").replace(" ", "").split(",")
    return any(one == "gzip" or (one.startswith("gzip;q=") and one != "gzip;q=0") for one in offered)
