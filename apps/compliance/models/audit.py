from __future__ import annotations

from typing import Any, ClassVar

from auditlog.models import AbstractLogEntry
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, PERSONAL


class AuditEntry(AbstractLogEntry):
    """Who changed or looked at what, from where, in which trace. auditlog fills it; nobody edits it.

    The address is a keyed hash: enough to say "the same machine as yesterday", not enough to locate a person.
    """

    tenant = models.ForeignKey(
        "compliance.Tenant",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("tenant"),
        help_text="The organisation whose row was touched.",
    )
    address_hash = models.CharField(
        _("address"),
        max_length=44,
        blank=True,
        default="",
        help_text="Keyed hash of the network address the request came from.",
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            [
                "id",
                "tenant",
                "content_type",
                "object_pk",
                "object_id",
                "object_repr",
                "serialized_data",
                "action",
                "changes_text",
                "changes",
                "cid",
                "remote_port",
                "timestamp",
                "additional_data",
            ],
            NONE,
        ),
        "actor": PERSONAL,
        "actor_email": PERSONAL,
        "address_hash": PERSONAL,
        "remote_addr": PERSONAL,
    }
    RETENTION: ClassVar[str] = "12 months, then archived"

    class Meta(AbstractLogEntry.Meta):
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")

    def save(self, *args: Any, **kwargs: Any) -> None:
        model = self.content_type.model_class()
        if getattr(model, "NAME_IS_PERSONAL", False):
            self.object_repr = f"{model._meta.model_name} {self.object_pk}"
        super().save(*args, **kwargs)
