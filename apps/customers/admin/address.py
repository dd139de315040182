from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin
from apps.compliance.admin.filters import choice_filter, country_filter, related_filter
from apps.compliance.admin.present import masked, moment
from apps.customers.admin.find import FindMixin
from apps.customers.admin.reveal import RevealMixin
from apps.customers.models import Address
from apps.customers.selectors.search import customer_ids


@admin.register(Address)
class AddressAdmin(FindMixin, RevealMixin, RecordAdmin):
    list_display = ("pk", "customer", "kind", "masked_street", "masked_city", "country", "added")
    list_filter = (
        related_filter("customer", gettext_lazy("customer")),
        country_filter(),
        choice_filter(gettext_lazy("kind"), "kind", lambda: Address.Kind.choices),
    )
    search_fields = ("customer",)
    search_hint = gettext_lazy("A whole customer number, e-mail address or phone number.")
    ordering = ("-pk",)
    sortable_by = ()
    record_icon = "home_pin"
    record_facts = ("customer", "kind", "street", "postal_code", "city", "country", "added_at")

    @admin.display(description=gettext_lazy("street"))
    def masked_street(self, row: Any) -> Any:
        return masked("x" if row.has_street else None)

    @admin.display(description=gettext_lazy("city"))
    def masked_city(self, row: Any) -> Any:
        return masked(row.city)

    @admin.display(description=gettext_lazy("added at"))
    def added(self, row: Any) -> Any:
        return moment(row.added_at)

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        with_customer = queryset.select_related("customer").only(
            "kind", "city", "country", "added_at", "tenant_id", "customer__external_id"
        )
        return with_customer.annotate(has_street=Q(street__isnull=False))

    def search(self, term: str) -> Q:
        return Q(customer_id__in=customer_ids(term))
