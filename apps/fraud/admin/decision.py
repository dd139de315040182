"""Decisions: the list of them, and for each the page that explains it. Nobody edits one, superusers included."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin, listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.periods import period_filter
from apps.compliance.admin.present import Record, Viewer
from apps.fraud.admin import decision_page
from apps.fraud.admin.decision_cells import decision_columns, outcome_choices
from apps.fraud.models import Decision
from apps.fraud.selectors.decision_search import NUMBER
from apps.payments.models import PaymentReference

# What a list draws: neither rows nor judgements, which are kilobytes each.
LISTED = (
    "tenant_id", "outcome", "score", "points", "ruleset_number", "degraded", "decided_at", "source", "latency_us",
    "payment__external_id",
)  # fmt: skip
YES_NO = [("True", gettext_lazy("Yes")), ("False", gettext_lazy("No"))]


@admin.register(Decision)
class DecisionAdmin(RecordAdmin):
    list_display = ("number", "which", "what", "how_much", "worth", "by", "fully", "asked", "when")
    list_filter = (
        period_filter("decided_at"),
        choice_filter(gettext_lazy("outcome"), "outcome", outcome_choices),
        choice_filter(gettext_lazy("degraded"), "degraded", lambda: YES_NO),
        choice_filter(gettext_lazy("asked by"), "source", lambda: [(one, one) for one in ("api", "stream", "batch")]),
    )
    search_fields = ("payment",)
    search_hint = gettext_lazy("A whole decision number or payment number.")
    ordering = ("-pk",)
    sortable_by = ()
    record_icon = "gavel"
    number, which, what, how_much, worth, by, fully, asked, when = (listed(one) for one in decision_columns())

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("payment").only(*LISTED)

    def search(self, term: str) -> Q:
        if match := NUMBER.fullmatch(term):
            return Q(pk=int(match[1]))
        payment = PaymentReference.objects.filter(external_id=term).values_list("pk", flat=True).first()
        return Q(pk=payment) if payment else Q(pk__in=[])

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Decision | None:
        if not object_id.isascii() or not object_id.isdigit() or len(object_id) > 18:
            return None
        found: Decision | None = self.get_queryset(request).select_related("payment").filter(pk=int(object_id)).first()
        return found

    def record(self, viewer: Viewer, obj: Any) -> Record:
        return decision_page.record(viewer, obj)
