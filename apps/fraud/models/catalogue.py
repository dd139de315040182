"""Which features stored rows hold. The code knows the newest catalogue only; rows of earlier ones stay readable."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE


class FeatureCatalogue(models.Model):
    """One row a catalogue that ever decided. PostgreSQL checks that the text gives the version, and refuses changes."""

    version = models.CharField(
        _("version"),
        max_length=12,
        primary_key=True,
        help_text="Start of the SHA-256 of the columns, as decisions name it.",
    )
    columns = models.TextField(_("columns"), help_text="A line a feature, name and kind, in the order of a row.")
    first_used_at = models.DateTimeField(_("first used"), help_text="When the first decision was made under it.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["version", "columns", "first_used_at"], NONE)
    RETENTION: ClassVar[str] = "as long as decisions name it"

    class Meta:
        verbose_name = _("feature catalogue")
        verbose_name_plural = _("feature catalogues")

    def __str__(self) -> str:
        return self.version
