from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import KvtAdmin
from apps.compliance.models import Tenant


@admin.register(Tenant)
class TenantAdmin(KvtAdmin):
    """One's own organisation. Others are set up by a command, and are nobody's business here."""

    list_display = ("name", "slug", "locale", "time_zone", "challenge_threshold", "deny_threshold", "scorer_weight")
    ordering = ("name",)
    readonly_fields = ("slug", "created_at")
    fieldsets = (
        (None, {"fields": ("name", "slug", ("locale", "time_zone"), "created_at")}),
        (
            gettext_lazy("Decisions"),
            {
                "description": gettext_lazy(
                    "Scores run from 0 to 1: challenged from the first threshold, denied from the second."
                ),
                "fields": (("challenge_threshold", "deny_threshold"), "scorer_weight"),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(pk=request.user.tenant_id)  # type: ignore[union-attr]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
