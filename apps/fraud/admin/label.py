from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin, listed
from apps.compliance.admin.filters import choice_filter
from apps.fraud.admin.belongings import label_columns
from apps.fraud.models import FraudLabel
from apps.payments.admin.state_change import of_payment
from apps.payments.models import PaymentReference


@admin.register(FraudLabel)
class FraudLabelAdmin(RecordAdmin):
    list_display = ("pk", "which", "verdict", "source_name", "kind", "known")
    list_filter = (
        choice_filter(gettext_lazy("source"), "source", lambda: FraudLabel.Source.choices),
        choice_filter(
            gettext_lazy("fraud"), "is_fraud", lambda: [("True", gettext_lazy("Yes")), ("False", gettext_lazy("No"))]
        ),
    )
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
