"""Sending dead letters again, and putting them off. A letter is claimed before anything is sent, so that two people
who act at once send one message; a claim that was cut short is taken up by whoever comes next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_noop

from apps.compliance.audit import audit_actor
from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.models import DeadLetter
from apps.fraud.services.letter import Letter, dead_letter_refusal
from kivendtout.lib.errors import Conflict, InvalidInput
from kivendtout.lib.redact import redact_cards
from kivendtout.lib.trace import current_trace_id

State = DeadLetter.State
# Kafka takes a message within ten seconds or not at all; a claim as old as this was cut short.
LEASE: Final = timedelta(minutes=1)
# Letters claimed together: few enough that a crash leaves little to look at, enough that sending them is one wait.
TOGETHER: Final = 100
LONGEST_REASON: Final = 300
OPEN: Final = "open"
INTERRUPTED: Final = "interrupted"
# In these states somebody should act.
WAITS: Final = (OPEN, INTERRUPTED)


class AlreadyRetrying(Conflict):
    code = "already_handled"
    message = gettext_noop(
        "%(place)s is being sent again by %(by)s. If that was cut short, it can be taken up after %(again)s UTC."
    )


class AlreadyRetried(Conflict):
    code = "already_handled"
    message = gettext_noop("%(place)s was sent again by %(by)s at %(at)s UTC, to %(to)s. There is nothing to do.")


class AlreadyDiscarded(Conflict):
    code = "already_handled"
    message = gettext_noop("%(place)s was discarded by %(by)s at %(at)s UTC. There is nothing to do.")


class ReasonMissing(InvalidInput):
    code = "reason_missing"
    message = gettext_noop(
        "Say why the message is put off, in at most %(longest)s characters and without card numbers."
    )


@dataclass(frozen=True, slots=True)
class Sent:
    """What a producer made of a letter: the place of the new message, or none when Kafka did not take it."""

    letter: Letter
    place: str


Send = Callable[[Sequence[Letter]], list[Sent]]


@dataclass
class Acted:
    """What became of each letter: a row of ours, or the reason why there is none."""

    done: list[DeadLetter] = field(default_factory=list)
    refused: list[tuple[Letter, Conflict]] = field(default_factory=list)
    left: list[Letter] = field(default_factory=list)
    """Kafka did not take them: claimed, and free to be taken up at once."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who answers for the act: a colleague, or the account of whoever runs the command."""

    name: str
    user: User | None = None


def dead_letter_state(row: DeadLetter | None, *, now: datetime) -> str:
    """`open` while nobody has handled it; `interrupted` when a claim was cut short: anybody may take it up."""
    if row is None:
        return OPEN
    return INTERRUPTED if row.state == State.RETRYING and row.claimed_at <= now - LEASE else str(row.state)


def dead_letters_retry(
    *, letters: Sequence[Letter], actor: Actor, now: Callable[[], datetime], send: Send, reason: str = ""
) -> Acted:
    """For each: claimed and committed, sent and acknowledged, marked as done. A crash in between loses nothing: the
    claim stays to be seen, and the next who acts on it sends the message again, which is harmless."""
    why, acted = _reason(reason), Acted()
    for start in range(0, len(letters), TOGETHER):
        claimed: dict[tuple[str, datetime], DeadLetter] = {}
        for letter in letters[start : start + TOGETHER]:
            try:
                if refusal := dead_letter_refusal(letter):
                    raise refusal
                claimed[letter.mark] = _claim(letter, State.RETRYING, actor, why, now())
            except Conflict as error:
                acted.refused.append((letter, error))
        mine = [letter for letter in letters[start : start + TOGETHER] if letter.mark in claimed]
        try:
            sent = {one.letter.mark: one.place for one in send(mine)} if mine else {}
        except BaseException:
            _let_go(list(claimed.values()))
            raise
        for letter in mine:
            row = claimed[letter.mark]
            if place := sent.get(letter.mark):
                acted.done.append(_finish(row, State.RETRIED, actor, now(), retried_to=place))
            else:
                _let_go([row])
                acted.left.append(letter)
    return acted


def dead_letters_discard(*, letters: Sequence[Letter], actor: Actor, now: Callable[[], datetime], reason: str) -> Acted:
    """The message stays in its topic until that forgets it; nobody is asked about it again."""
    why, acted = _reason(reason), Acted()
    if not why:
        raise ReasonMissing(longest=LONGEST_REASON)
    for letter in letters:
        try:
            acted.done.append(_claim(letter, State.DISCARDED, actor, why, now()))
        except Conflict as error:
            acted.refused.append((letter, error))
    return acted


def dead_letter_seen(*, letter: Letter, actor: Actor, reason: str = "") -> None:
    """Its payload is personal data: no entry in the audit trail, no look at it."""
    tenant = Tenant.objects.filter(slug=letter.tenant).first() if letter.tenant else None
    AuditEntry.objects.create(
        content_type=ContentType.objects.get_for_model(DeadLetter),
        object_pk=str(letter.place),
        object_repr=str(letter.place),
        action=AuditEntry.Action.ACCESS,
        actor=actor.user,
        actor_email=actor.user.email if actor.user else actor.name,
        tenant=tenant,
        cid=current_trace_id(),
        additional_data={"fields": ["payload"], "reason": reason},
    )


def _reason(reason: str) -> str:
    said = " ".join(reason.split())
    if len(said) > LONGEST_REASON or redact_cards(said) != said:
        raise ReasonMissing(longest=LONGEST_REASON)
    return said


def _claim(letter: Letter, state: str, actor: Actor, reason: str, now: datetime) -> DeadLetter:
    """Ours once this returns, whoever else tries. Durable: what is sent before the claim is committed may go twice."""
    place, stamped_at = letter.mark
    told: dict[str, Any] = {"state": state, "by": actor.name, "reason": reason, "claimed_at": now}
    told["done_at"] = None if state == State.RETRYING else now
    tenant = Tenant.objects.filter(slug=letter.tenant).first() if letter.tenant else None
    facts = {"topic": letter.topic, "code": letter.code, "source": letter.source[:300], "trace_id": letter.trace_id}
    with audit_actor(actor=actor.user, tenant_id=tenant.pk if tenant else None):
        try:
            with transaction.atomic(durable=True):
                return DeadLetter.objects.create(place=place, stamped_at=stamped_at, tenant=tenant, **facts, **told)
        except IntegrityError:
            row = DeadLetter.objects.get(place=place, stamped_at=stamped_at)
        return _take_up(row, told, now)


def _take_up(row: DeadLetter, told: dict[str, Any], now: datetime) -> DeadLetter:
    stale = DeadLetter.objects.filter(pk=row.pk, state=State.RETRYING, claimed_at=row.claimed_at)
    if row.state == State.RETRYING and row.claimed_at <= now - LEASE:
        with transaction.atomic(durable=True):
            # Whoever changes the claim's time first has it; saved after that, so that the audit trail tells of it.
            if stale.update(claimed_at=now) == 1:
                for name, value in told.items():
                    setattr(row, name, value)
                row.save(update_fields=list(told))
                return row
    raise _already(DeadLetter.objects.get(pk=row.pk))


def _already(row: DeadLetter) -> Conflict:
    if row.state == State.RETRYING:
        again = f"{row.claimed_at + LEASE:%Y-%m-%d %H:%M:%S}"
        return AlreadyRetrying(place=row.place, by=row.by, again=again)
    at = f"{row.done_at:%Y-%m-%d %H:%M:%S}"
    if row.state == State.DISCARDED:
        return AlreadyDiscarded(place=row.place, by=row.by, at=at)
    return AlreadyRetried(place=row.place, by=row.by, at=at, to=row.retried_to)


def _finish(row: DeadLetter, state: str, actor: Actor, now: datetime, *, retried_to: str) -> DeadLetter:
    row.state, row.done_at, row.retried_to = state, now, retried_to
    with audit_actor(actor=actor.user, tenant_id=row.tenant_id):
        row.save(update_fields=["state", "done_at", "retried_to"])
    return row


def _let_go(rows: Sequence[DeadLetter]) -> None:
    """Not sent, as far as we know: whoever comes next need not wait for the claim to grow old."""
    for row in rows:
        freed = row.claimed_at - LEASE
        DeadLetter.objects.filter(pk=row.pk, state=State.RETRYING, claimed_at=row.claimed_at).update(claimed_at=freed)
