"""Decisions by the names that people have for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from django.db.models import QuerySet
from django.db.models.functions import Random

from apps.fraud.models import Decision

NUMBER: Final = re.compile(r"dec_([1-9][0-9]{0,17})")


def decision_find(name: str) -> Decision | None:
    """`dec_<number>`, or the payment's own id, among the tenant's decisions."""
    found = Decision.objects.select_related("payment")
    if match := NUMBER.fullmatch(name):
        return found.filter(pk=int(match[1])).first()
    return found.filter(payment__external_id=name).first()


def decisions_all(*, sample: int | None = None) -> Iterator[Decision]:
    """Every decision of the tenant, or as many of them, drawn by lot."""
    decisions: QuerySet[Decision] = Decision.objects.order_by("pk")
    if sample is not None:
        drawn = Decision.objects.order_by(Random()).values_list("pk", flat=True)[:sample]
        decisions = decisions.filter(pk__in=list(drawn))
    return decisions.iterator(chunk_size=500)
