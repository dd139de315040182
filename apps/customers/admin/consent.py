from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin
from apps.compliance.admin.filters import choice_filter, related_filter
from apps.compliance.admin.present import masked, moment
from apps.customers.admin.find import FindMixin
from apps.customers.models import Consent
from apps.customers.selectors.search import customer_ids


@admin.register(Consent)
class ConsentAdmin(FindMixin, RecordAdmin):
    list_display = ("pk", "customer", "purpose", "answer", "source", "answered")
    list_filter = (
        related_filter("customer", gettext_lazy("customer")),
        choice_filter(gettext_lazy("purpose"), "purpose", lambda: Consent.Purpose.choices),
    )
    search_fields = ("customer",)
    search_hint = gettext_lazy("A whole customer number, e-mail address or phone number.")
    ordering = ("-pk",)
    sortable_by = ()
    record_icon = "fact_check"
    record_facts = ("customer", "purpose", "granted", "source", "answered_at")

    @admin.display(description=gettext_lazy("granted"))
    def answer(self, row: Any) -> Any:
        return masked("x")

    @admin.display(description=gettext_lazy("answered at"))
    def answered(self, row: Any) -> Any:
        return moment(row.answered_at)

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("customer").only(
            "purpose", "source", "answered_at", "tenant_id", "customer__external_id"
        )

    def search(self, term: str) -> Q:
        return Q(customer_id__in=customer_ids(term))
