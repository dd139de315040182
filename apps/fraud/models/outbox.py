"""What waits to be told to others, and how each destination takes it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE


class OutboxLane(models.Model):
    """One destination of the outbox. Who holds its row publishes it, so what is told goes out in order."""

    topic = models.CharField(_("topic"), max_length=64, primary_key=True, help_text="Where to.")
    attempts = models.IntegerField(_("attempts"), default=0, help_text="Refusals since it last took something.")
    failed_since = models.DateTimeField(_("failed since"), null=True, help_text="First of these refusals.")
    next_try_at = models.DateTimeField(_("next attempt"), null=True, help_text="Left alone until then.")
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="", help_text="In short.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["topic", "attempts", "failed_since", "next_try_at", "last_error"], NONE
    )
    RETENTION: ClassVar[str] = "for ever"

    class Meta:
        verbose_name = _("destination")
        verbose_name_plural = _("destinations")

    def __str__(self) -> str:
        return self.topic
