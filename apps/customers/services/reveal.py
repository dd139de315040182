"""Showing personal data in clear: to those with the right, for a stated reason, with an audit entry first."""

from __future__ import annotations

from typing import Any

from django.db.models import BinaryField, Model
from django.utils.translation import gettext_noop

from apps.compliance.models import AuditEntry, User
from apps.compliance.models.base import NONE
from kivendtout.lib.errors import InvalidInput, NotAllowed

PERMISSION = "customers.reveal_personal_data"
# "test" or "." explains nothing to the person whose data it was; a short sentence does.
SHORTEST_REASON = 10
LONGEST_REASON = 300


class ReasonNeeded(InvalidInput):
    code = "reason_needed"
    message = gettext_noop("Say why you need to see this, in %(shortest)s to %(longest)s characters.")

    def __init__(self) -> None:
        super().__init__(shortest=SHORTEST_REASON, longest=LONGEST_REASON)


def revealable_fields(model: type[Model]) -> list[str]:
    """The classified columns that a person can read: hashes stay hashes."""
    classes: dict[str, str] = getattr(model, "CLASSIFICATION", {})
    return [
        field.name
        for field in model._meta.concrete_fields
        if classes.get(field.name, NONE) != NONE and not isinstance(field, BinaryField) and not field.is_relation
    ]


def personal_data_reveal(*, instance: Any, reason: str, actor: User, address_hash: str = "") -> dict[str, Any]:
    """The instance's personal values by field. No entry in the audit trail, no values."""
    if not actor.is_active or not actor.has_perm(PERMISSION) or actor.tenant_id != instance.tenant_id:
        text = gettext_noop("Your role does not reveal personal data. Ask your team lead or the compliance officer.")
        raise NotAllowed(text)
    said = " ".join(reason.split())
    if not SHORTEST_REASON <= len(said) <= LONGEST_REASON:
        raise ReasonNeeded
    fields = revealable_fields(type(instance))
    AuditEntry.objects.log_create(
        instance,
        force_log=True,
        action=AuditEntry.Action.ACCESS,
        actor=actor,
        actor_email=actor.email,
        tenant_id=instance.tenant_id,
        address_hash=address_hash,
        additional_data={"fields": fields, "reason": said},
    )
    return {name: getattr(instance, name) for name in fields}
