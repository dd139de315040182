from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import InUse, KvtAdmin
from apps.compliance.admin.filters import choice_filter, country_filter
from apps.payments.models import Merchant, Payment


@admin.register(Merchant)
class MerchantAdmin(InUse, KvtAdmin):
    list_display = ("external_id", "name", "industry", "size", "country", "mcc")
    list_filter = (choice_filter(gettext_lazy("size"), "size", lambda: Merchant.Size.choices), country_filter())
    search_fields = ("name",)
    search_hint = gettext_lazy("A whole merchant number or category code, or a part of the name.")
    ordering = ("external_id",)

    def search(self, term: str) -> Q:
        return Q(external_id=term) | Q(mcc=term) | Q(name__icontains=term)

    def in_use(self, obj: Any) -> bool:
        return Payment.objects.filter(merchant_id=obj.pk).exists()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("external_id",) if obj else ()
