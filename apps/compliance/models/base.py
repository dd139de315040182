"""What every tenant-owned table has in common: the tenant, the scoped manager, the same-tenant foreign key."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from kivendtout.lib.errors import TenantNotSet
from kivendtout.lib.tenancy import ALL_TENANTS, current_tenant_id

# Privacy classes of a column. Everything but NONE is masked in the audit log and in the admin.
NONE = "none"
PERSONAL = "personal"
SENSITIVE = "sensitive"
CARD = "card"
SECRET = "secret"  # noqa: S105  the name of a class, not a secret

M = TypeVar("M", bound=models.Model)


class TenantManager(models.Manager[M], Generic[M]):
    """Returns the current tenant's rows only; without a tenant it refuses instead of returning everybody's."""

    def get_queryset(self) -> models.QuerySet[M]:
        tenant_id = current_tenant_id()
        if tenant_id is None:
            raise TenantNotSet(f"{TenantNotSet.message} (Model: {self.model._meta.label}.)")
        queryset = super().get_queryset()
        return queryset if tenant_id == ALL_TENANTS else queryset.filter(tenant_id=tenant_id)


class TenantForeignKey(models.ForeignKey):
    """A foreign key that PostgreSQL enforces together with the tenant: (column, tenant_id) → (id, tenant_id).

    Django creates no constraint for it; `AddTenantForeignKeys` in the migration adds the composite one, so that
    a row of one tenant cannot point at a row of another, whatever path wrote it.
    """

    def __init__(self, to: Any, on_delete: Any, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        super().__init__(to, on_delete, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("db_constraint", None)
        return name, path, args, kwargs


class TenantModel(models.Model):
    tenant = models.ForeignKey(
        "compliance.Tenant",
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        db_index=False,  # every index that a query uses begins with the tenant or with a key that implies it
        verbose_name=_("tenant"),
        help_text="The organisation that owns the row.",
    )

    objects: ClassVar[TenantManager[Any]] = TenantManager()

    CLASSIFICATION: ClassVar[dict[str, str]] = {}
    RETENTION: ClassVar[str] = ""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.tenant_id is None:
            tenant_id = current_tenant_id()
            if tenant_id is None or tenant_id == ALL_TENANTS:
                raise TenantNotSet
            self.tenant_id = tenant_id
        super().save(*args, **kwargs)
