"""Blind indexes: a keyed hash beside an encrypted value, so that exact search needs no decryption.

The hash follows its source by itself: on save and bulk_create through `pre_save`; in UPDATE statements (update(),
bulk_update(), save(update_fields=…)) and upserts because the source field asks here while the statement is compiled.
"""

from __future__ import annotations

import contextlib
from typing import Any

from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.constants import OnConflict
from django.db.models.expressions import Case, Value, When
from django.db.models.functions import Cast
from django.db.models.lookups import In
from django.db.models.sql import InsertQuery, UpdateQuery

from kivendtout.lib.crypto.errors import UnsafeUse
from kivendtout.lib.crypto.hashing import NORMALISERS, blind_index, search_hashes
from kivendtout.lib.crypto.plaintext import Plaintext
from kivendtout.lib.crypto.unreadable import KeepStored, Unreadable


class BlindIndexField(models.BinaryField):  # type: ignore[type-arg]  # generic in its stubs only
    """Finds rows by the exact (normalised) value of `source`: filter(email_index__matches="a@b.c")."""

    db_index: bool
    description = "Keyed hash of an encrypted field"

    def __init__(self, *args: Any, source: str, normalise: str = "exact", purpose: str | None = None, **kwargs: Any):
        if normalise not in NORMALISERS:
            raise ValueError(f"normalise is {normalise!r}; choose one of {', '.join(NORMALISERS)}.")
        self.source, self.normalise, self._purpose = source, normalise, purpose
        kwargs["editable"] = False
        kwargs.setdefault("db_index", not kwargs.get("unique"))
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs |= {"source": self.source, "normalise": self.normalise}
        kwargs["db_index"] = self.db_index
        if self._purpose:
            kwargs["purpose"] = self._purpose
        return name, path, args, kwargs

    @property
    def purpose(self) -> str:
        """The name of its key. Fields with the same explicit purpose can be compared with one another."""
        owner = self.model._meta.concrete_model or self.model
        return self._purpose or f"{owner._meta.db_table}.{self.column}"

    def index_of(self, value: Any) -> bytes | None:
        if isinstance(value, Plaintext):
            value = value.value
        return blind_index(self.purpose, self._canonical(value), normaliser=self.normalise)

    def hashes_of(self, value: Any) -> list[bytes]:
        return search_hashes(self.purpose, self._canonical(value), normaliser=self.normalise)

    def lookup(self, value: Any) -> dict[str, Any]:
        """For filter(**field.lookup("a@b.c")), where the field's name is not written down."""
        return {f"{self.name}__matches": value}

    def _canonical(self, value: Any) -> Any:
        """The source's own idea of the value, so that a date and its text give one index."""
        source: Any = self.model._meta.get_field(self.source)
        return value if value in (None, "") else source.to_text(source.to_python(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        source: Any = self.model._meta.get_field(self.source)
        if source.attname not in model_instance.__dict__:
            return getattr(model_instance, self.attname)  # deferred, so unchanged
        value = getattr(model_instance, source.attname)
        if isinstance(value, Unreadable):
            return getattr(model_instance, self.attname)
        if hasattr(value, "resolve_expression"):
            return index_expression(self, value)
        index = self.index_of(value)
        setattr(model_instance, self.attname, index)
        return index

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name in {"exact", "in", "isnull", "matches", "matches_any"}:
            return super().get_lookup(lookup_name)
        raise UnsafeUse(f"{self.name} is a hash: the lookup `{lookup_name}` says nothing about it. Use `matches`.")

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, str):
            raise UnsafeUse(f"{self.name} holds hashes, not texts. Search with {self.name}__matches=….")
        return super().get_prep_value(value)

    def check(self, **kwargs: Any) -> list[Any]:
        source: Any = None
        with contextlib.suppress(FieldDoesNotExist):
            source = self.model._meta.get_field(self.source)
        if not hasattr(source, "key_table") or source.model is not self.model:
            message = f"`source` is {self.source!r}, which is not an encrypted field of the same model."
            return [checks.Error(message, obj=self, id="kvt.E012")]
        return super().check(**kwargs)


@BlindIndexField.register_lookup
class Matches(In):
    """Under each live version of the key, so that a search misses nothing while a rotation runs."""

    lookup_name = "matches"
    prepare_rhs = False

    def get_prep_lookup(self) -> Any:
        if hasattr(self.rhs, "resolve_expression"):
            raise UnsafeUse("A blind index can be matched with a value only, not with an expression.")
        field: BlindIndexField = self.lhs.output_field
        return [digest for value in self.values() for digest in field.hashes_of(value)]

    def values(self) -> list[Any]:
        return [self.rhs]

    def get_db_prep_lookup(self, value: Any, connection: Any) -> Any:
        return "%s", list(value)


@BlindIndexField.register_lookup
class MatchesAny(Matches):
    lookup_name = "matches_any"

    def values(self) -> list[Any]:
        return list(self.rhs)


def followers(source: Any) -> list[BlindIndexField]:
    fields = source.model._meta.local_concrete_fields
    return [f for f in fields if isinstance(f, BlindIndexField) and f.source == source.name]


def follow_update(source: Any, value: Any, compiler: Any) -> None:
    """Adds the blind index to an UPDATE that sets its source; Django compiles it next, from the same list."""
    query: Any = compiler.query
    if not issubclass(type(query), UpdateQuery):
        return
    entries = {field.name: raw for field, _, raw in query.values}
    if source.name not in entries or isinstance(value, KeepStored):
        return
    raw = entries[source.name]
    if hasattr(raw, "resolve_expression") and not isinstance(raw, Value) and not hasattr(value, "as_sql"):
        return  # a part of the expression asks for its own placeholder
    followed: set[str] = query.__dict__.setdefault("kvt_followed", set())
    for index in followers(source):
        if index.name in entries and index.name not in followed:
            _refuse_other_index(index, raw, entries[index.name])
        elif index.name not in followed:
            followed.add(index.name)
            query.values.append((index, None, index_value(index, raw)))


def _refuse_other_index(index: BlindIndexField, source: Any, given: Any) -> None:
    """save() brings both, and they agree. Anything else would part the index from its value."""
    empty = source in (None, "")
    if hasattr(source, "resolve_expression") or given not in ([None] if empty else index.hashes_of(source)):
        raise UnsafeUse(
            f"{index.name} follows {index.source} by itself and the value given for it is another one. "
            f"Leave {index.name} out of the update."
        )


def follow_on_conflict(source: Any, compiler: Any) -> None:
    """An upsert that updates the source updates its index."""
    query: Any = compiler.query
    if not issubclass(type(query), InsertQuery) or query.on_conflict != OnConflict.UPDATE:
        return
    if source in query.update_fields:
        query.update_fields += [index for index in followers(source) if index not in query.update_fields]


def index_value(index: BlindIndexField, value: Any) -> Any:
    return index_expression(index, value) if hasattr(value, "resolve_expression") else index.index_of(value)


def index_expression(index: BlindIndexField, expression: Any) -> Any:
    """The same choice between values, of their hashes. The key stays in Python, so a computed value has no hash."""
    if isinstance(expression, Unreadable | KeepStored):
        return KeepStored(f"{index.model._meta.db_table}.{index.column}")
    if isinstance(expression, Value):
        return Value(index.index_of(expression.value), output_field=index)
    if isinstance(expression, Cast):
        return Cast(index_expression(index, expression.source_expressions[0]), output_field=index)
    if isinstance(expression, Case):
        cases = [When(case.condition, then=index_expression(index, case.result)) for case in expression.cases]
        return Case(*cases, default=index_expression(index, expression.default), output_field=index)
    raise UnsafeUse(
        f"{index.source} has the blind index {index.name}, which cannot be computed for {type(expression).__name__} "
        f"in the database. Update {index.source} with plain values."
    )
