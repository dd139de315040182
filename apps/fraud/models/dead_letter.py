from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, PERSONAL


class DeadLetter(models.Model):
    """What was done about a message that could not be used. The message itself is in its topic, which forgets nothing
    on request; a letter without a row here is one that nobody has handled.

    It belongs to no tenant by rule: to name none may be the very fault of the message.
    """

    class State(models.TextChoices):
        RETRYING = "retrying", _("Being sent again")
        RETRIED = "retried", _("Sent again")
        DISCARDED = "discarded", _("Discarded")

    place = models.CharField(_("place"), max_length=300, help_text="Topic, partition and offset of the dead letter.")
    stamped_at = models.DateTimeField(
        _("dead since"), help_text="Time of the message in its topic: a topic made anew begins its offsets anew."
    )
    tenant = models.ForeignKey(
        "compliance.Tenant",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("tenant"),
        help_text="The organisation that the message names, if there is such a one.",
    )
    topic = models.CharField(_("topic"), max_length=249, help_text="Where the message was to be read.")
    code = models.CharField(_("fault"), max_length=32, help_text="Kind of fault, as the message's header says.")
    source = models.CharField(_("source"), max_length=300, blank=True, default="", help_text="Place of the message.")
    trace_id = models.CharField(_("trace"), max_length=32, blank=True, default="", help_text="Trace of the message.")
    state = models.CharField(_("state"), max_length=16, choices=State.choices, help_text="What was done about it.")
    by = models.CharField(
        _("who"), max_length=254, help_text="E-mail address of a colleague, or the account that ran the command."
    )
    reason = models.CharField(_("reason"), max_length=300, blank=True, default="", help_text="Why, in their words.")
    claimed_at = models.DateTimeField(_("begun at"), help_text="When somebody took the letter in hand.")
    done_at = models.DateTimeField(_("done at"), null=True, help_text="When the topic had it again, or it was put off.")
    retried_to = models.CharField(
        _("sent to"), max_length=300, blank=True, default="", help_text="Place of the message that was sent again."
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            [
                "id", "place", "stamped_at", "tenant", "topic", "code", "source", "trace_id", "state", "reason",
                "claimed_at", "done_at", "retried_to",
            ],
            NONE,
        ),
        "by": PERSONAL,
    }  # fmt: skip
    RETENTION: ClassVar[str] = "12 months"

    class Meta:
        verbose_name = _("dead letter")
        verbose_name_plural = _("dead letters")
        constraints = [models.UniqueConstraint(fields=["place", "stamped_at"], name="dead_letter_handled_once")]

    def __str__(self) -> str:
        return self.place
