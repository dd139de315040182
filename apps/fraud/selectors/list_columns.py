"""Lists as they stand now, over a history: for each a column that says which payments are on it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from apps.customers.models import Customer
from apps.fraud.engine.list_values import bins_of
from apps.fraud.models import FraudList, ListEntry
from apps.fraud.state.list_keys import hashes_of

FOREVER: Final = datetime.max.replace(tzinfo=UTC)
MOMENT: Final = pl.Datetime("us", "UTC")
# Which columns of a feature matrix a kind of list looks at. E-mail addresses are not in it, nor raw network addresses.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "customer": ("customer",),
    "device": ("device",),
    "card": ("card",),
    "ip": ("ip",),
    "country": ("payment_country", "ip_country", "card_country"),
    "bin": ("card_bin",),
    "merchant": ("merchant",),
}
Ends = dict[str | bytes, datetime]


def list_columns(names: Iterable[str]) -> dict[str, pl.Expr]:
    """For `list('name')`. An entry counts for the payments before it expires, as it does live.

    A network cannot be told: raw addresses are stored nowhere. A list that does not exist is empty.
    """
    kinds = dict(FraudList.objects.filter(code__in=list(names)).values_list("code", "kind"))
    return {name: _column(kinds[name], _entries(name)) if name in kinds else pl.lit(False) for name in names}


def list_members(names: Iterable[str], *, now: datetime, bins: Iterable[str | None] = ()) -> dict[str, frozenset[str]]:
    """For `feature IN list('name')`: its texts today. `bins` are those to look for in lists of BINs."""
    members: dict[str, frozenset[str]] = {}
    for code, kind in FraudList.objects.filter(code__in=list(names)).values_list("code", "kind"):
        texts = frozenset(key for key, ends in _entries(code).items() if isinstance(key, str) and ends > now)
        if kind == "bin":
            texts |= {one for one in bins if one and texts.intersection(bins_of(one))}
        members[code] = texts
    return members


def list_bases(names: Iterable[str]) -> set[str]:
    """The columns that `list_columns` will read."""
    kinds = FraudList.objects.filter(code__in=list(names)).values_list("kind", flat=True)
    return {column for kind in kinds for column in COLUMNS.get(kind, ("customer",))}


def _entries(code: str) -> Ends:
    rows = ListEntry.objects.filter(list__code=code, removed_at=None, network="")
    return {
        bytes(value_hash) if value_hash is not None else value: expires_at or FOREVER
        for value, value_hash, expires_at in rows.values_list("value", "value_hash", "expires_at")
    }


def _column(kind: str, entries: Ends) -> pl.Expr:
    if kind == "email":
        kind, entries = "customer", _customers(entries)
    if kind == "device":
        return _until(pl.col("device").map_batches(lambda column: _devices(column, entries), return_dtype=MOMENT))
    if kind in ("card", "ip"):
        entries = {key.hex() if isinstance(key, bytes) else key: ends for key, ends in entries.items()}
    found = [_ends(pl.col(name), entries) for name in COLUMNS[kind]]
    if kind == "bin":
        found.append(_ends(pl.col("card_bin").str.head(6), entries))
    return pl.any_horizontal([_until(one) for one in found])


def _ends(column: pl.Expr, entries: Ends) -> pl.Expr:
    return column.replace_strict(list(entries), list(entries.values()), default=None, return_dtype=MOMENT)


def _until(ends: pl.Expr) -> pl.Expr:
    return (pl.col("at") < ends).fill_null(False)


def _devices(column: pl.Series, entries: Ends) -> pl.Series:
    """The matrix has the devices' own ids; lists have hashes, under each live version of the key."""
    met: dict[str, datetime] = {}
    for device in column.drop_nulls().unique().to_list():
        ends = [entries[one] for one in hashes_of("device", device) if one in entries]
        if ends:
            met[device] = max(ends)
    return column.replace_strict(list(met), list(met.values()), default=None, return_dtype=MOMENT)


def _customers(entries: Ends) -> Ends:
    hashes: list[Any] = [key for key in entries if isinstance(key, bytes)]
    found = Customer.objects.filter(email_index__in=hashes).values_list("external_id", "email_index")
    return {customer: entries[bytes(index)] for customer, index in found}
