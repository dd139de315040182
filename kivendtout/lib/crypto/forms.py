"""Form fields for encrypted values: an unreadable one is an empty box whose placeholder says why."""

from __future__ import annotations

from typing import Any

from django.forms import BoundField, Field

from kivendtout.lib.crypto.unreadable import Unreadable


class UnreadableBoundField(BoundField):
    def __init__(self, form: Any, field: Any, name: str) -> None:
        super().__init__(form, field, name)
        if isinstance(value := self.initial, Unreadable):
            field.widget.attrs = {**field.widget.attrs, "placeholder": str(value)}
            field.required = False  # leaving the box empty keeps the stored bytes


def show_unreadable(field: Field) -> Field:
    """Changes this one form field; its class stays what the model field or the admin chose."""
    prepare, has_changed = field.prepare_value, field.has_changed

    def prepare_value(value: Any) -> Any:
        return "" if isinstance(value, Unreadable) else prepare(value)

    def changed(initial: Any, data: Any) -> bool:
        return has_changed(None if isinstance(initial, Unreadable) else initial, data)

    def get_bound_field(form: Any, name: str) -> BoundField:
        return UnreadableBoundField(form, field, name)

    field.prepare_value = prepare_value  # type: ignore[method-assign]
    field.has_changed = changed  # type: ignore[method-assign]
    field.get_bound_field = get_bound_field  # type: ignore[method-assign, assignment]
    return field
