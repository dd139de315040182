"""The parts of queries that an encrypted field brings: sealing, the two lookups it has, and what it refuses."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models.expressions import Col, Expression, Func
from django.db.models.lookups import IsNull
from django.db.models.query_utils import DeferredAttribute
from django.utils.translation import gettext_lazy as _

from kivendtout.lib.crypto.blind import BlindIndexField
from kivendtout.lib.crypto.errors import UnsafeUse
from kivendtout.lib.crypto.session import ensure_keys
from kivendtout.lib.crypto.unreadable import REPORT, KeepStored, Unreadable


class Seal(Func):
    """Encrypts the result of an expression in the database; parts that are encrypted already pass."""

    function = "kvt_seal"

    def __init__(self, expression: Any, field: Any) -> None:
        super().__init__(expression, output_field=field)
        self.target = field

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]  # one template
        ensure_keys(connection, writing_to=self.target.key_table)
        sql, params = compiler.compile(self.source_expressions[0])
        return f"kvt_seal({sql}, '{self.target.key_table}')", list(params)


class StoredIsNull(IsNull):
    """Looks at the stored bytes: nothing needs decrypting to know that there is something."""

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> Any:
        lhs = lhs or self.lhs
        return (
            Col.as_sql(lhs, compiler, connection) if isinstance(lhs, Col) else super().process_lhs(compiler, connection)
        )


class NoneOnly(StoredIsNull):
    """`field=None` means isnull in Django, and is the only comparison an encrypted field has."""

    def __init__(self, lhs: Any, rhs: Any) -> None:
        if rhs is not None:
            raise lookup_refused(lhs.output_field, "exact")
        super().__init__(lhs, True)


def lookup_refused(field: Any, lookup: str) -> UnsafeUse:
    indexes = [f.name for f in field.model._meta.fields if isinstance(f, BlindIndexField) and f.source == field.name]
    way = f"search with {indexes[0]}__matches=…" if indexes else "give it a BlindIndexField and search that"
    return UnsafeUse(
        f"{field.name} is encrypted, so the lookup `{lookup}` cannot use an index or compare it. "
        f"Only isnull works; for an exact search, {way}."
    )


class MarkingAttribute(DeferredAttribute):
    """Tells an unreadable value which row it belongs to."""

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        return value.at(instance.pk) if type(value) is Unreadable and value.pk is None else value


def refuse_other_columns(field: Any, expression: Expression) -> None:
    for part in expression.flatten():
        if isinstance(part, KeepStored) and part.label != field.label:
            raise part.refusal()


def refuse_characters(text: str) -> None:
    if "\0" in text:
        raise ValidationError(_("The text holds a NUL character, which PostgreSQL cannot store. Remove it."), "nul")
    if text[:1] == REPORT:
        raise ValidationError(_("The text begins with a control character. Remove it."), "control")
