"""Which tenant the running code serves. Set at each edge (request, message, job), read by every tenant-owned query."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from kivendtout.lib.errors import TenantNotSet

ALL_TENANTS: Final = -1  # never a real id: identity columns start at 1
_current: ContextVar[int | None] = ContextVar("kvt_tenant", default=None)


def current_tenant_id() -> int | None:
    """The tenant in force; None when none is set. ALL_TENANTS inside across_tenants()."""
    return _current.get()


def require_tenant_id() -> int:
    tenant_id = _current.get()
    if tenant_id is None or tenant_id == ALL_TENANTS:
        raise TenantNotSet
    return tenant_id


@contextmanager
def tenant_scope(tenant_id: int) -> Iterator[None]:
    token = _current.set(tenant_id)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def across_tenants() -> Iterator[None]:
    """For jobs that really serve every tenant (retention, key rotation). Never in a request."""
    with tenant_scope(ALL_TENANTS):
        yield
