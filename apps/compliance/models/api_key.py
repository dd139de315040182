"""A program's way in: what of its key is kept, what it may do, until when."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, SECRET, TenantModel
from apps.compliance.models.user import User

SCOPE_SCORE: Final = "score"
SCOPE_DECISIONS: Final = "decisions:read"
SCOPE_LABELS: Final = "labels:write"
SCOPES: Final[dict[str, Promise]] = {
    SCOPE_SCORE: _("Score and check payments"),
    SCOPE_DECISIONS: _("Read decisions"),
    SCOPE_LABELS: _("Tell what became of payments"),
}
LIVE, TEST = "kvt_live_", "kvt_test_"
# Eight of 62 letters and digits: two keys share a prefix once in 2 × 10¹⁴, and then the second one is drawn again.
SHOWN = 8


class ApiKey(TenantModel):
    """The key is shown once and kept nowhere: 256 random bits need no slow hash, only one that cannot be undone."""

    name = models.CharField(_("name"), max_length=80, help_text="What uses the key, such as 'Checkout, production'.")
    prefix = models.CharField(
        _("beginning of the key"),
        max_length=len(LIVE) + SHOWN,
        unique=True,
        editable=False,
        help_text="First characters of the key, by which people and logs may name it.",
    )
    secret_hash = models.BinaryField(_("key hash"), help_text="SHA-256 of the whole key, which is kept nowhere.")
    scopes = ArrayField(
        models.CharField(max_length=32),
        verbose_name=_("may do"),
        help_text="What a program may do with the key.",
    )
    sandbox = models.BooleanField(
        _("sandbox"), default=False, help_text="Answers are made up by documented rules; nothing is recorded."
    )
    created_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("made by"),
        help_text="Who made the key; empty when a command did.",
    )
    created_at = models.DateTimeField(_("made at"), auto_now_add=True, help_text="When the key was made.")
    expires_at = models.DateTimeField(
        _("expires"), null=True, blank=True, help_text="From then on the key opens nothing; empty for never."
    )
    revoked_at = models.DateTimeField(
        _("revoked"), null=True, blank=True, editable=False, help_text="When somebody withdrew the key."
    )
    last_used_at = models.DateTimeField(
        _("last used"), null=True, blank=True, editable=False, help_text="Last use, exact to the minute."
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            [
                "id", "tenant", "name", "prefix", "scopes", "sandbox", "created_by", "created_at", "expires_at",
                "revoked_at", "last_used_at",
            ],
            NONE,
        ),
        "secret_hash": SECRET,
    }  # fmt: skip
    RETENTION: ClassVar[str] = "as long as the contract"

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_open(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
