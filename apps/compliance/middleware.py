"""At the web's edge: which tenant the request serves, and who the audit log names."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.compliance.audit import audit_actor
from kivendtout.lib.crypto.hashing import keyed_hash
from kivendtout.lib.log import bind_tenant
from kivendtout.lib.tenancy import tenant_scope

Handler = Callable[[HttpRequest], HttpResponse]


class TenantMiddleware:
    """A signed-in person's queries see their own tenant; an anonymous request has none and can read no tenant's row."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not user.is_authenticated:
            return self.get_response(request)
        bind_tenant(user.tenant.slug)
        with tenant_scope(user.tenant_id):
            return self.get_response(request)


class AuditActorMiddleware:
    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD", "OPTIONS"} and not request.user.is_authenticated:
            return self.get_response(request)
        user = request.user if request.user.is_authenticated else None
        address = keyed_hash("address", request.META.get("REMOTE_ADDR", "")).hex()
        with audit_actor(actor=user, tenant_id=user.tenant_id if user else None, address_hash=address):
            return self.get_response(request)
