from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import KvtAdmin
from apps.payments.models import Currency


@admin.register(Currency)
class CurrencyAdmin(KvtAdmin):
    """Shared by all tenants. A currency's digits decide what its amounts mean, so they are set once."""

    list_display = ("code", "numeric_code", "name", "minor_units")
    search_fields = ("code",)
    search_hint = gettext_lazy("Three letters such as EUR, three digits such as 978, or a part of the name.")
    ordering = ("code",)

    def search(self, term: str) -> Q:
        return Q(code=term.upper()) | Q(numeric_code=term) | Q(name__icontains=term)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code", "numeric_code", "minor_units") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Another tenant may use it."""
        return False
