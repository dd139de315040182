"""Lists and their entries: who may change them, and how. Every change raises the tenant's version of its lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.utils.translation import gettext_noop

from apps.compliance.models import User
from apps.fraud.engine.list_values import BadValue, Canonical, canonical
from apps.fraud.models import FraudList, ListEntry
from apps.fraud.state.list_keys import hashes_of
from kivendtout.lib.errors import Conflict, InvalidInput, NotAllowed
from kivendtout.lib.redact import redact_cards
from kivendtout.lib.tenancy import tenant_scope

MANAGE: Final = "fraud.change_fraudlist"
ADD: Final = "fraud.add_listentry"
REMOVE: Final = "fraud.change_listentry"
# Each list is looked into for each payment.
MOST_LISTS: Final = 200
LONGEST_REASON: Final = 300
# A list cannot be renamed: rules and stored decisions know it by its code.
CHANGEABLE: Final = ("name_fr", "name_en", "effect", "overrides_deny", "description")

SENTENCES: Final[dict[str, str]] = {
    "empty": gettext_noop("There is no value. Write the one that the list should hold."),
    "control": gettext_noop("The value holds an invisible character. Type it again instead of pasting it."),
    "long": gettext_noop("The value is longer than any that a payment can carry. Check that it is a single one."),
    "card_number": gettext_noop(
        "This looks like a card number, which may not be kept. Give the card's fingerprint instead."
    ),
    "email": gettext_noop("This is not an e-mail address. Write it like name@example.org."),
    "country": gettext_noop("This is not a country code. Write two letters, such as FR."),
    "bin": gettext_noop("This is not a BIN. Write the first six or eight digits of the card."),
    "address": gettext_noop(
        "This is no network address, network or address hash. Write it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32, "
        "or give the hash that the sender sends."
    ),
    "host_bits": gettext_noop("The network has digits beyond its prefix. Write its first address, such as 10.0.0.0/8."),
    "wide": gettext_noop("The network is too wide for a list: /8 is the widest for IPv4, /16 for IPv6."),
    "reason": gettext_noop("There is no reason. Say in a few words why the value stands on the list."),
    "reason_long": gettext_noop("The reason is too long, or holds a line break or a card number. Keep it to one line."),
    "expired": gettext_noop("The expiry has already passed. Give a later one, or none."),
}


class InvalidListEntry(InvalidInput):
    code = "invalid_list_entry"

    def __init__(self, fault: str) -> None:
        super().__init__(SENTENCES[fault])
        self.fault = fault


class InvalidList(InvalidInput):
    code = "invalid_list"


class ListExists(Conflict):
    code = "list_exists"
    message = gettext_noop("There is a list with this code already. Choose another code, or use that list.")


def require(actor: User, permission: str, tenant_id: int) -> None:
    if not actor.is_active or actor.tenant_id != tenant_id or not actor.has_perm(permission):
        raise NotAllowed(gettext_noop("Your role does not change this list. Ask your team lead."))


def require_adder(fraud_list: FraudList, actor: User) -> None:
    """What silences a hard deny is for those who manage lists only."""
    require(actor, MANAGE if fraud_list.overrides_deny else ADD, fraud_list.tenant_id)


def next_version(tenant_id: int) -> int:
    """Call it first in each transaction that changes lists: its row is locked until the commit, so that versions
    become visible in their order and a reader who has seen one has seen all before it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO fraud_listsversion AS held (tenant_id, version) VALUES (%s, 1) "
            "ON CONFLICT (tenant_id) DO UPDATE SET version = held.version + 1 RETURNING version",
            [tenant_id],
        )
        return int(cursor.fetchone()[0])


def list_create(
    *,
    tenant_id: int,
    code: str,
    name_fr: str,
    name_en: str,
    kind: str,
    effect: str,
    actor: User,
    overrides_deny: bool = False,
    description: str = "",
) -> FraudList:
    require(actor, "fraud.add_fraudlist", tenant_id)
    made = FraudList(
        tenant_id=tenant_id,
        code=code,
        name_fr=name_fr.strip(),
        name_en=name_en.strip(),
        kind=kind,
        effect=effect,
        overrides_deny=overrides_deny,
        description=description.strip(),
    )
    _check(made)
    with transaction.atomic(), tenant_scope(tenant_id):
        next_version(tenant_id)
        if FraudList.objects.filter(code=code).exists():
            raise ListExists
        if FraudList.objects.count() >= MOST_LISTS:
            text = gettext_noop("There are %(most)s lists already, the most a tenant can have. Use one of them.")
            raise InvalidList(text, most=MOST_LISTS)
        made.save(force_insert=True)
    return made


def list_change(*, fraud_list: FraudList, actor: User, **changes: Any) -> FraudList:
    """Names, effect, description, and whether it silences a hard deny; its code and its kind stay."""
    require(actor, MANAGE, fraud_list.tenant_id)
    if unknown := set(changes) - set(CHANGEABLE):
        raise InvalidList(gettext_noop("%(names)s cannot be changed. Make another list."), names=", ".join(unknown))
    for name, value in changes.items():
        setattr(fraud_list, name, value)
    _check(fraud_list)
    with transaction.atomic(), tenant_scope(fraud_list.tenant_id):
        next_version(fraud_list.tenant_id)
        fraud_list.save(update_fields=list(changes))
    return fraud_list


def _check(fraud_list: FraudList) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", fraud_list.code):
        raise InvalidList(
            gettext_noop("The code must be small letters, digits and underscores, beginning with a letter.")
        )
    if fraud_list.kind not in FraudList.Kind.values or fraud_list.effect not in FraudList.Effect.values:
        raise InvalidList(gettext_noop("The kind or the effect is unknown. Choose them from those offered."))
    if fraud_list.overrides_deny and fraud_list.effect != FraudList.Effect.ALLOW:
        raise InvalidList(gettext_noop("Only a list that allows can silence a hard deny. Change one of the two."))
    texts = (fraud_list.name_fr, fraud_list.name_en, fraud_list.description)
    if not all(texts[:2]) or any("\0" in text or redact_cards(text) != text for text in texts):
        raise InvalidList(gettext_noop("The list needs a name in French and in English, without card numbers."))
    if any(len(text) > most for text, most in zip(texts, (120, 120, 1000), strict=True)):
        raise InvalidList(gettext_noop("A name or the description is too long: 120 and 1,000 characters at most."))


def read_value(kind: str, value: str) -> Canonical:
    try:
        return canonical(kind, value)
    except BadValue as error:
        raise InvalidListEntry(error.code) from error


def read_reason(reason: str) -> str:
    said = reason.strip()
    if not said:
        raise InvalidListEntry("reason")
    if len(said) > LONGEST_REASON or re.search(r"[\x00-\x1f\x7f]", said) or redact_cards(said) != said:
        raise InvalidListEntry("reason_long")
    return said


def read_expiry(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is not None and expires_at <= now:
        raise InvalidListEntry("expired")
    return expires_at


def list_entry_add(
    *, fraud_list: FraudList, value: str, reason: str, actor: User, now: datetime, expires_at: datetime | None = None
) -> ListEntry:
    """A value that the list holds already gets the new reason and expiry; it is not there twice."""
    require_adder(fraud_list, actor)
    read, said, ends = read_value(fraud_list.kind, value), read_reason(reason), read_expiry(expires_at, now)
    hashes = hashes_of(fraud_list.kind, read.text) if read.form == "hash" else []
    stored = {
        "value": read.text if read.form == "plain" else "",
        "network": read.text if read.form == "network" else "",
    }
    with transaction.atomic(), tenant_scope(fraud_list.tenant_id):
        version = next_version(fraud_list.tenant_id)
        same = {"value_hash__in": hashes} if hashes else {"value_hash": None}
        entry = ListEntry.objects.filter(list=fraud_list, removed_at=None, **stored, **same).first()
        if entry is None:
            entry = ListEntry(list=fraud_list, **stored, value_hash=hashes[0] if hashes else None, hint=read.hint)
            entry.added_by, entry.added_at, entry.tenant_id = actor, now, fraud_list.tenant_id
        elif ends is not None and (entry.expires_at is None or ends < entry.expires_at):
            require(actor, REMOVE, fraud_list.tenant_id)  # to end it sooner is to remove it
        entry.reason, entry.expires_at, entry.changed_in = said, ends, version
        entry.save()
    return entry


def list_entry_remove(*, entry: ListEntry, actor: User, now: datetime) -> ListEntry:
    """It stays in the table, as decisions name it; payments no longer meet it. Removing it again changes nothing."""
    require(actor, REMOVE, entry.tenant_id)
    with transaction.atomic(), tenant_scope(entry.tenant_id):
        version = next_version(entry.tenant_id)
        entry.refresh_from_db(fields=["removed_at"])
        if entry.removed_at is None:
            entry.removed_at, entry.changed_in = now, version
            entry.save(update_fields=["removed_at", "changed_in"])
    return entry


def list_uses_count(*, tenant_id: int, uses: Mapping[int, int], at: datetime) -> int:
    """Add what a batch of payments counted. Rows are locked in one order, so that batches never wait in a circle."""
    ids = sorted(uses)
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH counted AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS one (id, n)), "
            "held AS (SELECT id FROM fraud_listentry WHERE tenant_id = %s AND id = ANY(%s) "
            "ORDER BY id FOR NO KEY UPDATE) "
            "UPDATE fraud_listentry entry SET uses = entry.uses + counted.n, "
            "last_used_at = greatest(entry.last_used_at, %s) "
            "FROM counted JOIN held USING (id) WHERE entry.id = counted.id",
            [ids, [uses[one] for one in ids], tenant_id, ids, at],
        )
        return int(cursor.rowcount)
