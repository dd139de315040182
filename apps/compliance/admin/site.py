"""Who may enter the admin site at all."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


def may_enter(request: HttpRequest) -> bool:
    """Somebody signed in who is no staff gets a refusal: sent to sign in, they would only be sent back, for ever."""
    user = request.user
    if user.is_authenticated and not (user.is_active and user.is_staff):
        raise PermissionDenied
    return user.is_authenticated


admin.site.has_permission = may_enter  # type: ignore[method-assign]  # the site object is unfold's
