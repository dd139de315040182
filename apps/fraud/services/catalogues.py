"""The catalogue in use is written down with the first decision made under it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import connection, transaction

from apps.fraud.engine.features.catalogue import COLUMNS, VERSION

NOTE: Final = """
INSERT INTO fraud_featurecatalogue (version, columns, first_used_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
_noted: set[str] = set()


def catalogue_note(*, now: datetime) -> None:
    """Inside the transaction that stores decisions: none is ever committed whose row could not be read."""
    if VERSION in _noted:
        return
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [VERSION, COLUMNS, now])
    transaction.on_commit(lambda: _noted.add(VERSION))
