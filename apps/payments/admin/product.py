from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import InUse, KvtAdmin, listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.present import EMPTY, Column, badge
from apps.payments.admin.cells import money
from apps.payments.models import OrderItem, Product


@admin.register(Product)
class ProductAdmin(InUse, KvtAdmin):
    list_display = ("external_id", "name", "category", "price", "restricted")
    list_filter = (
        choice_filter(
            gettext_lazy("adults only"),
            "adult_restricted",
            lambda: [("True", gettext_lazy("Yes")), ("False", gettext_lazy("No"))],
        ),
    )
    search_fields = ("name",)
    search_hint = gettext_lazy("A whole product number, or a part of the name.")
    ordering = ("external_id",)
    price = listed(Column(gettext_lazy("unit price"), lambda _viewer, row: money(row, "unit_price")))
    restricted = listed(
        Column(gettext_lazy("adults only"), lambda _v, row: badge("18+", "warning") if row.adult_restricted else EMPTY)
    )

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related("currency")

    def search(self, term: str) -> Q:
        return Q(external_id=term) | Q(name__icontains=term)

    def in_use(self, obj: Any) -> bool:
        return OrderItem.objects.filter(product_id=obj.pk).exists()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("external_id", "created_at") if obj else ()
