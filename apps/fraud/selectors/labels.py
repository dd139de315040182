"""Verdicts as feature state is told of them, for whoever knows which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db import connection

from apps.fraud.selectors.facts import LABEL_FACTS, label_of
from apps.fraud.state.layout import LabelFacts

OF: Final = f"{LABEL_FACTS} WHERE l.tenant_id = %s AND (l.id = ANY(%s) OR l.payment_id = ANY(%s)) ORDER BY l.id"


def labels_facts(tenant_id: int, *, labels: Sequence[int] = (), payments: Sequence[int] = ()) -> list[LabelFacts]:
    """Those with these ids, and all those of these payments. What is not this tenant's is left out."""
    if not labels and not payments:
        return []
    with connection.cursor() as cursor:
        cursor.execute(OF, [tenant_id, list(labels), list(payments)])
        return [label_of(row) for row in cursor.fetchall()]
