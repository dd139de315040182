from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin, listed
from apps.compliance.admin.filters import choice_filter, country_filter, related_filter
from apps.compliance.admin.present import Column, Section, Viewer, latest_table, link
from apps.customers.admin.find import FindMixin
from apps.customers.admin.reveal import RevealMixin
from apps.customers.selectors.search import customer_ids
from apps.payments.admin.belongings import payments_of
from apps.payments.admin.cells import method_text, payment_columns
from apps.payments.models import Payment, PaymentMethod


@admin.register(PaymentMethod)
class PaymentMethodAdmin(FindMixin, RevealMixin, RecordAdmin):
    list_display = ("pk", "how", "who", "issuer_country")
    list_filter = (
        related_filter("customer", gettext_lazy("customer")),
        choice_filter(gettext_lazy("kind"), "kind", lambda: PaymentMethod.Kind.choices),
        country_filter("issuer_country"),
    )
    search_fields = ("customer",)
    search_hint = gettext_lazy("A whole customer number, e-mail address or phone number.")
    ordering = ("-pk",)
    sortable_by = ()
    record_icon = "credit_card"
    record_facts = (
        Column(gettext_lazy("customer"), lambda viewer, row: link(viewer.url(row.customer), row.customer)),
        "kind",
        "bin",
        "last_four",
        "number_hash",
        "issuer_country",
    )
    how = listed(Column(gettext_lazy("method"), method_text))
    who = listed(Column(gettext_lazy("customer"), lambda viewer, row: link(viewer.url(row.customer), row.customer)))

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("customer").only(
            "kind", "bin", "last_four", "issuer_country", "tenant_id", "customer__external_id"
        )

    def search(self, term: str) -> Q:
        return Q(customer_id__in=customer_ids(term))

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        # Its owner's payments are few and indexed; the method alone is in no index.
        payments = payments_of(Payment.objects.filter(customer_id=obj.customer_id, method_id=obj.pk))
        shown = payment_columns(customer=False)
        return [
            latest_table(viewer, "payments", _("Payments"), payments, shown, customer=obj.customer_id, method=obj.pk)
        ]
