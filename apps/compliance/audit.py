"""The audit log's manners: what is classified is masked whole; each entry says who, from where, in which trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from auditlog.context import set_extra_data
from auditlog.registry import auditlog
from django.db.models import BinaryField, Model

from apps.compliance.models.base import NONE

MASK = "•••"


def mask_fully(value: str) -> str:
    """auditlog's own mask leaves half of the value readable: half of a card number is too much."""
    return MASK if value not in {"", "None"} else value


def audited(model: type[Model], *, except_for: tuple[str, ...] = ()) -> None:
    """Track a model that people can change; call it in the app's ready()."""
    classification: dict[str, str] = getattr(model, "CLASSIFICATION", {})
    # Keyed hashes are bytes that auditlog cannot write, and say nothing that their source does not.
    hashes = [field.name for field in model._meta.concrete_fields if isinstance(field, BinaryField)]
    masked = [name for name, kind in classification.items() if kind != NONE and name not in hashes]
    many = {field.name for field in model._meta.many_to_many}  # who was given which role is history too
    auditlog.register(model, mask_fields=masked, exclude_fields=[*hashes, *except_for], m2m_fields=many)


@contextmanager
def audit_actor(*, actor: Any = None, tenant_id: int | None = None, address_hash: str = "") -> Iterator[None]:
    """Entries written inside carry this actor, tenant and hashed address."""
    with set_extra_data({"actor": actor, "tenant_id": tenant_id, "address_hash": address_hash}):
        yield
