"""Many entries at once, from CSV: first what would happen, line by line, then all that is valid in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

from django.db import connection, transaction

from apps.compliance.models import AuditEntry, User
from apps.fraud.models import FraudList
from apps.fraud.services.list_csv import Line, Outcome, Read, Row, read_csv
from apps.fraud.services.lists import MANAGE, next_version, require
from kivendtout.lib.tenancy import tenant_scope

# Rows an INSERT: arrays of this size are built and sent in a moment.
CHUNK: Final = 10_000
OUTCOMES: Final[tuple[Outcome, ...]] = ("new", "already", "invalid")
Key = tuple[str, str, bytes | None]


@dataclass
class Plan:
    """Holds no value in clear that the table would not hold, so it may wait for its confirmation in a cache."""

    lines: list[Line] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    digest: str = ""
    added: int = 0
    updated: int = 0

    def counts(self) -> dict[str, int]:
        found = Counter(line.outcome for line in self.lines)
        return {outcome: found[outcome] for outcome in OUTCOMES}


def list_entries_import(*, fraud_list: FraudList, text: str, actor: User, now: datetime, preview: bool = True) -> Plan:
    plan = list_import_read(fraud_list=fraud_list, text=text, actor=actor, now=now)
    return plan if preview else list_import_apply(fraud_list=fraud_list, plan=plan, actor=actor, now=now)


def list_import_read(*, fraud_list: FraudList, text: str, actor: User, now: datetime) -> Plan:
    """Changes nothing. A fault of the whole file is an error, a fault of a line stands beside it."""
    require(actor, MANAGE, fraud_list.tenant_id)
    plan = Plan(digest=sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
    read = list(read_csv(text, fraud_list.kind, now))
    held = _held(fraud_list, [one for one in read if isinstance(one, Read)])
    seen: set[Key] = set()
    for one in read:
        plan.lines.append(_planned(plan, one, held, seen) if isinstance(one, Read) else one)
    return plan


def list_import_apply(*, fraud_list: FraudList, plan: Plan, actor: User, now: datetime) -> Plan:
    """All valid lines or none. Values that are there already get the file's reason and expiry."""
    require(actor, MANAGE, fraud_list.tenant_id)
    rows = [row for row in plan.rows if row.expires_at is None or row.expires_at > now]
    plan.added = plan.updated = 0
    with transaction.atomic(), tenant_scope(fraud_list.tenant_id):
        version = next_version(fraud_list.tenant_id)
        for start in range(0, len(rows), CHUNK):
            added, updated = _insert(fraud_list, rows[start : start + CHUNK], actor, now, version)
            plan.added += added
            plan.updated += updated
        _audit(fraud_list, plan, actor)
    return plan


# --- comparing --------------------------------------------------------------------------------------------------------
def _held(fraud_list: FraudList, read: Sequence[Read]) -> set[Key]:
    """Which of these the list holds already, under whichever version of the key."""
    values = [one.row.value for one in read if one.row.value]
    networks = [one.row.network for one in read if one.row.network]
    hashes = [digest for one in read for digest in one.hashes]
    with connection.cursor() as cursor:
        cursor.execute(
            # Each part names the index's columns from the left: a small file does not read a list of a million through.
            "SELECT value, network, value_hash FROM fraud_listentry WHERE removed_at IS NULL AND list_id = %(list)s "
            "AND value = ANY(%(values)s::text[]) AND network = '' "
            "UNION ALL SELECT value, network, value_hash FROM fraud_listentry WHERE removed_at IS NULL "
            "AND list_id = %(list)s AND value = '' AND network = ANY(%(networks)s::text[]) "
            "UNION ALL SELECT value, network, value_hash FROM fraud_listentry WHERE removed_at IS NULL "
            "AND list_id = %(list)s AND value = '' AND network = '' AND value_hash = ANY(%(hashes)s::bytea[])",
            {"list": fraud_list.pk, "values": values, "networks": networks, "hashes": hashes},
        )
        rows = cursor.fetchall()
    return {(value, network, None if digest is None else bytes(digest)) for value, network, digest in rows}


def _planned(plan: Plan, one: Read, held: set[Key], seen: set[Key]) -> Line:
    """The first of equal lines counts. A value held under an earlier key keeps the hash it is stored with."""
    number, row, hashes = one
    shown = row.value or row.hint
    stored = next((digest for digest in hashes if ("", "", digest) in held), row.value_hash)
    row = row._replace(value_hash=stored)
    if row.key in seen:
        return Line(number, "already", shown)
    seen.add(row.key)
    plan.rows.append(row)
    return Line(number, "already" if row.key in held else "new", shown)


# --- writing ----------------------------------------------------------------------------------------------------------
def _insert(fraud_list: FraudList, rows: Sequence[Row], actor: User, now: datetime, version: int) -> tuple[int, int]:
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH written AS (INSERT INTO fraud_listentry (tenant_id, list_id, value, network, value_hash, hint, "
            "reason, expires_at, added_by_id, added_at, uses, changed_in) "
            "SELECT %s, %s, one.*, %s, %s, 0, %s FROM unnest(%s::text[], %s::text[], %s::bytea[], %s::text[], "
            "%s::text[], %s::timestamptz[]) AS one (value, network, value_hash, hint, reason, expires_at) "
            "ON CONFLICT (list_id, value, network, value_hash) WHERE removed_at IS NULL DO UPDATE SET "
            "reason = excluded.reason, expires_at = excluded.expires_at, changed_in = excluded.changed_in "
            "RETURNING xmax = 0 AS is_new) "
            "SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written",
            [fraud_list.tenant_id, fraud_list.pk, actor.pk, now, version, *columns],
        )
        added, updated = cursor.fetchone()
    return int(added), int(updated)


def _audit(fraud_list: FraudList, plan: Plan, actor: User) -> None:
    """One entry for the file: its digest tells later whether a file is the one that was imported."""
    told = {"added": plan.added, "updated": plan.updated, "sha256": plan.digest, **plan.counts()}
    AuditEntry.objects.log_create(
        fraud_list,
        force_log=True,
        action=AuditEntry.Action.UPDATE,
        actor=actor,
        actor_email=actor.email,
        tenant_id=fraud_list.tenant_id,
        additional_data={"import": told},
    )
