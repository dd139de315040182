"""Encrypted model fields. Their columns are bytea; PostgreSQL encrypts and decrypts (functions.py).

    email = EncryptedEmailField(null=True, blank=True)
    email_index = BlindIndexField(source="email", normalise="email", null=True)

Reading gives the value, or an `Unreadable` marker. Searching goes through the blind index: `email_index__matches="…"`.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.core import checks
from django.db import models
from django.db.models.expressions import Expression, Value
from pgcrypto.mixins import PGPMixin

from kivendtout.lib.crypto import forms as crypto_forms
from kivendtout.lib.crypto.blind import BlindIndexField, follow_on_conflict, follow_update
from kivendtout.lib.crypto.columns import (
    MarkingAttribute,
    NoneOnly,
    Seal,
    StoredIsNull,
    lookup_refused,
    refuse_characters,
    refuse_other_columns,
)
from kivendtout.lib.crypto.errors import UnsafeUse
from kivendtout.lib.crypto.plaintext import Plaintext
from kivendtout.lib.crypto.session import ensure_keys, reopen
from kivendtout.lib.crypto.unreadable import REPORT, KeepStored, Unreadable, report_parts, unreadable

__all__ = ["BlindIndexField", "EncryptedDateField", "EncryptedEmailField", "EncryptedTextField", "Unreadable"]


class EncryptedMixin(PGPMixin):
    """From the library's mixin: the bytea column and the decrypting column in SELECT. The rest is ours."""

    descriptor_class: Any = MarkingAttribute
    model: type[models.Model]
    name: str
    attname: str
    column: Any

    @property
    def key_table(self) -> str:
        if not hasattr(self, "model"):
            raise UnsafeUse(
                "An encrypted field outside a model has no table, so no key. Use the model's own field "
                "(Model._meta.get_field(…)) as output_field, or a plain field for a value that is not stored."
            )
        owner = self.model._meta.concrete_model or self.model
        return owner._meta.db_table

    @property
    def label(self) -> str:
        return f"{self.key_table}.{self.column}"

    # --- the column ---------------------------------------------------------------------------------------------------
    def db_check(self, connection: Any) -> str:
        """Raw SQL cannot put plain bytes here: what is not null begins with the header's format byte."""
        return f"kvt_is_sealed({connection.ops.quote_name(self.column)})"

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        return {"type": self.db_type(connection), "check": self.db_check(connection), "collation": None}

    def cast_db_type(self, connection: Any) -> str:
        return "bytea"

    # --- writing ------------------------------------------------------------------------------------------------------
    def to_text(self, value: Any) -> str:
        return str(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if value is None or isinstance(value, Plaintext) or hasattr(value, "as_sql"):
            return value
        if isinstance(value, Unreadable | bytes | memoryview):
            raise UnsafeUse(f"{self.name} takes a text or a date, not {type(value).__name__}. Set a plain value.")
        text = self.to_text(self.to_python(value))
        refuse_characters(text)
        return Plaintext(text)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if isinstance(value, Seal):
            return value
        if isinstance(value, Expression):
            refuse_other_columns(self, value)
        if isinstance(value, KeepStored):
            return value
        if isinstance(value, Value) and not isinstance(getattr(value, "_output_field_or_none", None), EncryptedMixin):
            value = value.value
        if isinstance(value, Expression) or hasattr(value, "as_sql"):
            return Seal(value, self)
        return self.get_db_prep_value(value, connection)

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        follow_update(self, value, compiler)
        follow_on_conflict(self, compiler)
        if hasattr(value, "as_sql"):
            return "%s"
        # Once for a statement, not for each of its ten thousand values.
        ensured: set[str] = compiler.__dict__.setdefault("kvt_ensured", set())
        if self.key_table not in ensured:
            ensure_keys(connection, writing_to=self.key_table)
            ensured.add(self.key_table)
        return f"kvt_encrypt(%s, '{self.key_table}')"

    # --- reading ------------------------------------------------------------------------------------------------------
    def get_decrypt_sql(self, connection: Any) -> str:
        """The library calls this for each column of a SELECT and fills in the column and its cast."""
        ensure_keys(connection)
        return "kvt_decrypt(%s)::%s"

    def get_cast_sql(self) -> str:
        return "text"

    def from_text(self, text: str) -> Any:
        return text

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, str):
            raise UnsafeUse(
                f"This raw SQL selects the stored bytes of {self.name}. "
                f"Write kvt_decrypt({self.column}) AS {self.column} instead."
            )
        return self._from_report(value, connection) if value[:1] == REPORT else self.from_text(value)

    def _from_report(self, report: str, connection: Any) -> Any:
        reason, key_id, sealed = report_parts(report)
        if reason == "missing" and sealed:
            again = reopen(connection, sealed)
            if again is not None and again[:1] != REPORT:
                return self.from_text(again)
        return unreadable(self.label, reason, key_id)

    # --- refusing -----------------------------------------------------------------------------------------------------
    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name in {"isnull", "exact"}:
            return StoredIsNull if lookup_name == "isnull" else NoneOnly
        raise lookup_refused(self, lookup_name)

    def get_transform(self, lookup_name: str) -> Any:
        raise lookup_refused(self, lookup_name)

    def check(self, **kwargs: Any) -> list[Any]:
        return [*super().check(**kwargs), *self._check_options()]

    def _check_options(self) -> list[Any]:
        meta = self.model._meta
        wrong = [name for name in ("unique", "db_index", "primary_key") if getattr(self, name)]
        grouped = [*meta.unique_together, *(getattr(c, "fields", ()) for c in meta.constraints)]
        grouped += [index.fields for index in meta.indexes]
        if any(self.name in group or f"-{self.name}" in group for group in grouped):
            wrong.append("a constraint or index")
        if self.has_db_default():
            wrong.append("db_default")
        hint = "Each encryption of a value gives other bytes. Put uniqueness and indexes on a BlindIndexField."
        errors: list[Any] = [
            checks.Error(f"An encrypted field cannot have {what}.", hint=hint, obj=self, id="kvt.E010")
            for what in wrong
        ]
        if any(str(order).lstrip("-") == self.name for order in meta.ordering or ()):
            errors.append(
                checks.Warning("Ordering by an encrypted field decrypts the whole table.", obj=self, id="kvt.W011")
            )
        return errors

    # --- forms, cleaning, dumps ---------------------------------------------------------------------------------------
    def to_python(self, value: Any) -> Any:
        if isinstance(value, Unreadable | Plaintext):
            return value
        return super().to_python(value)

    def clean(self, value: Any, model_instance: Any) -> Any:
        if isinstance(value, Unreadable):
            return value
        value = super().clean(value, model_instance)
        if value is not None:
            refuse_characters(self.to_text(value))
        return value

    def save_form_data(self, instance: Any, data: Any) -> None:
        """A form shows an unreadable value as an empty box; leaving it empty keeps what is stored."""
        if isinstance(getattr(instance, self.attname), Unreadable) and data in self.empty_values:
            return
        super().save_form_data(instance, data)

    def formfield(self, **kwargs: Any) -> Any:
        field = super().formfield(**kwargs)
        return crypto_forms.show_unreadable(field) if field else field

    def value_to_string(self, obj: Any) -> str:
        value = self.value_from_object(obj)
        if isinstance(value, Unreadable):
            raise UnsafeUse(f"{value} A dump would hold this sentence in place of the value. Restore the key first.")
        return str(super().value_to_string(obj))


class EncryptedTextField(EncryptedMixin, models.TextField):  # type: ignore[type-arg]  # generic in its stubs only
    pass


class EncryptedEmailField(EncryptedMixin, models.EmailField):  # type: ignore[type-arg]  # generic in its stubs only
    pass


class EncryptedDateField(EncryptedMixin, models.DateField):  # type: ignore[type-arg]  # generic in its stubs only
    """A `datetime.date`, stored as ISO text."""

    def to_text(self, value: datetime.date) -> str:
        return value.isoformat()

    def from_text(self, text: str) -> Any:
        return datetime.date.fromisoformat(text)
