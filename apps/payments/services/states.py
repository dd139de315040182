"""Moving a payment from one status to another."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.functional import lazy
from django.utils.translation import gettext_noop

from apps.compliance.models import User
from apps.payments.models import Payment, PaymentStateChange, PaymentTransition
from apps.payments.selectors.activity import status_labels
from kivendtout.lib.errors import Conflict, InvalidInput, NotAllowed
from kivendtout.lib.trace import current_trace_id


class TransitionRefused(Conflict):
    code = "transition_refused"


def _names(codes: list[str]) -> str:
    labels = status_labels()
    return ", ".join(labels.get(code, code) for code in codes)


_names_for_reader = lazy(_names, str)  # an error is built in English and shown in the reader's language


def payment_change_status(*, payment: Payment, to_status: str, reason: str, actor: User, now: datetime) -> Payment:
    if not actor.has_perm("payments.change_payment_status") or actor.tenant_id != payment.tenant_id:
        raise NotAllowed(gettext_noop("Your role does not change the status of payments. Ask your team lead."))
    return payment_move(payment=payment, to_status=to_status, reason=reason, actor=actor.email, now=now)


def payment_move(*, payment: Payment, to_status: str, reason: str, actor: str, now: datetime) -> Payment:
    """For system parts; people go through payment_change_status, which checks their right first."""
    if not reason.strip():
        raise InvalidInput(gettext_noop("A change of status needs a reason. Say in a few words why."))
    allowed = PaymentTransition.objects.filter(from_status_id=payment.status_id).values_list("to_status_id", flat=True)
    if to_status not in allowed:
        raise _refusal(payment.status_id, to_status, sorted(allowed))
    change = PaymentStateChange(
        payment_id=payment.pk,
        tenant_id=payment.tenant_id,
        from_status_id=payment.status_id,
        to_status_id=to_status,
        actor=actor,
        reason=reason.strip()[:300],
        trace_id=current_trace_id() or "",
        changed_at=now,
    )
    try:
        with transaction.atomic():
            # The insert is the change: the database moves the payment with it, or refuses both.
            change.save(force_insert=True)
            # A queryset, not the instance's own refresh: both halves of the partitioned key prune to one month.
            payment.status_id = Payment.objects.values_list("status_id", flat=True).get(
                pk=payment.pk, attempted_at=payment.attempted_at
            )
    except IntegrityError as error:
        text = gettext_noop("The payment has changed since you read it. Read it again, then decide.")
        raise TransitionRefused(text) from error
    return payment


def _refusal(now: str, wanted: str, allowed: list[str]) -> TransitionRefused:
    text = gettext_noop("A payment in status “%(now)s” cannot become “%(wanted)s”. Allowed from here: %(allowed)s.")
    if not allowed:
        text = gettext_noop("A payment in status “%(now)s” cannot become “%(wanted)s”: it stays as it is.")
    names = _names_for_reader
    return TransitionRefused(text, now=names([now]), wanted=names([wanted]), allowed=names(allowed))
