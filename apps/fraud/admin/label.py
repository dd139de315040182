from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.present import Column, Section, Viewer, column, table
from apps.fraud.admin.belongings import label_columns, verdict
from apps.fraud.admin.label_delays import delays_section
from apps.fraud.admin.label_import import LabelImportMixin
from apps.fraud.admin.list_pages import PagesAdmin
from apps.fraud.models import FraudLabel, LabelVersion
from apps.fraud.services.label_import import IMPORT
from apps.payments.admin.state_change import of_payment
from apps.payments.models import PaymentReference
from kivendtout.lib.tenancy import require_tenant_id

# A source that changes its mind more often than this about one payment is a fault of its own.
MOST_VERSIONS = 100


@admin.register(FraudLabel)
class FraudLabelAdmin(LabelImportMixin, PagesAdmin):
    list_display = ("pk", "which", "verdict", "source_name", "kind", "known")
    list_filter = (
        choice_filter(gettext_lazy("source"), "source", lambda: FraudLabel.Source.choices),
        choice_filter(
            gettext_lazy("fraud"), "is_fraud", lambda: [("True", gettext_lazy("Yes")), ("False", gettext_lazy("No"))]
        ),
    )
    list_before_template = "admin/fraud/labels/before.html"
    search_fields = ("payment",)
    search_hint = gettext_lazy("A whole payment number.")
    ordering = ("-pk",)
    sortable_by = ()
    record_icon = "label"
    verdict, source_name, kind, known = (listed(one) for one in label_columns())
    which = listed(of_payment())
    record_facts = (of_payment(), *label_columns())

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("payment")

    def search(self, term: str) -> Q:
        payment = PaymentReference.objects.filter(external_id=term).values_list("pk", flat=True).first()
        return Q(payment_id=payment) if payment else Q(pk__in=[])

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        more: dict[str, Any] = {}
        if request.method == "GET" and self.has_view_permission(request):
            more["delays"] = delays_section(Viewer(request), require_tenant_id())
            if request.user.has_perm(IMPORT):
                more["import_url"] = reverse("admin:fraud_fraudlabel_import")
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        """Who says so stands above; who entered it stands in the audit trail, for those who may read it."""
        versions = LabelVersion.objects.filter(label=obj).order_by("-recorded_at", "-pk")[:MOST_VERSIONS]
        return [table(viewer, "versions", _("As it was told"), list(versions), version_columns())]


def version_columns() -> list[Column]:
    return [
        Column(gettext_lazy("verdict"), lambda _viewer, row: verdict(row)),
        column(LabelVersion, "pattern"),
        column(LabelVersion, "known_at"),
        column(LabelVersion, "recorded_at"),
        column(LabelVersion, "stood"),
    ]
