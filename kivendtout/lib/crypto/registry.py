"""Which models hold encrypted fields and blind indexes, read from Django's app registry."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models import Model

from kivendtout.lib.crypto.blind import BlindIndexField
from kivendtout.lib.crypto.fields import EncryptedMixin


def encrypted_models() -> dict[str, type[Model]]:
    """By table; partitions and proxies stand under their own model's table."""
    return {m._meta.db_table: m for m in _own_models() if encrypted_fields(m)}


def encrypted_fields(model: type[Model]) -> list[EncryptedMixin]:
    return [f for f in model._meta.local_concrete_fields if isinstance(f, EncryptedMixin)]


def index_fields() -> dict[str, list[BlindIndexField]]:
    """By purpose: fields that name the same purpose can be compared, and are rotated together."""
    found: dict[str, list[BlindIndexField]] = {}
    for model in _own_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, BlindIndexField):
                found.setdefault(field.purpose, []).append(field)
    return found


def _own_models() -> list[Any]:
    return [m for m in apps.get_models(include_auto_created=True) if m._meta.managed and not m._meta.proxy]
