"""Lists and entries as people look at them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.fraud.engine.list_values import KINDS, BadValue, canonical
from apps.fraud.models import FraudList, ListEntry
from apps.fraud.state.list_keys import hashes_of

# A value stands on a few lists at most, once each while it lives; what was removed and added again comes on top.
MOST_FOUND = 50


def with_counts(lists: QuerySet[FraudList]) -> QuerySet[Any]:
    """Each list with its entries that nobody has removed: counted for the lists shown, in the entries' index."""
    entries = ListEntry.objects.filter(list=OuterRef("pk"), removed_at=None).order_by()
    count = entries.values("list").annotate(number=Count("pk")).values("number")
    return lists.annotate(entries_now=Coalesce(Subquery(count, output_field=IntegerField()), 0))


def entry_ids(term: str) -> list[int]:
    """The entries that hold this clear value, on whichever list; each kind is looked up in its own way."""
    by_kind: dict[str, list[int]] = {}
    for pk, kind in FraudList.objects.values_list("pk", "kind"):
        by_kind.setdefault(kind, []).append(pk)
    found: list[int] = []
    for kind in KINDS:
        if kind in by_kind and (wanted := _wanted(kind, term)):
            entries = ListEntry.objects.filter(list_id__in=by_kind[kind], **wanted)
            found += entries.order_by("-pk").values_list("pk", flat=True)[:MOST_FOUND]
    return found[:MOST_FOUND]


def _wanted(kind: str, term: str) -> dict[str, Any]:
    try:
        read = canonical(kind, term)
    except BadValue:
        return {}
    if read.form == "hash":
        return {"value": "", "network": "", "value_hash__in": hashes_of(kind, read.text)}
    return {"value": read.text} if read.form == "plain" else {"value": "", "network": read.text}


def entry_state(entry: ListEntry, now: datetime) -> str:
    if entry.removed_at is not None:
        return "removed"
    return "expired" if entry.expires_at is not None and entry.expires_at <= now else "live"


def in_state(entries: QuerySet[ListEntry], state: str, now: datetime) -> QuerySet[ListEntry]:
    """As `entry_state` says of one."""
    if state == "removed":
        return entries.filter(removed_at__isnull=False)
    kept = entries.filter(removed_at=None)
    return kept.filter(expires_at__lte=now) if state == "expired" else kept.exclude(expires_at__lte=now)


def entries_export(fraud_list: FraudList) -> Iterator[dict[str, Any]]:
    """What may leave: clear values where they name no person, and hints of the others."""
    columns = ("value", "network", "hint", "reason", "expires_at", "added_at", "uses", "last_used_at")
    entries = ListEntry.objects.filter(list=fraud_list, removed_at=None).order_by("pk").values_list(*columns)
    for value, network, hint, *others in entries.iterator(chunk_size=10_000):
        yield dict(zip(("value", "hint", *columns[3:]), (value or network, hint, *others), strict=True))
