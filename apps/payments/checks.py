"""Checked at start: the partitions that the next payments will need."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004  Django's own name
from django.db import connections

from kivendtout.lib.clock import now


@register(Tags.database)
def partition_of_this_month_exists(app_configs: Any, databases: Any = None, **_kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for alias in databases or []:
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "SELECT to_regclass('payments_payment')::text, to_regclass(%s)::text",
                [f"payments_payment_{now():%Y_%m}"],
            )
            table, partition = cursor.fetchone()
        if table and not partition:
            messages.append(
                Warning(
                    "There is no partition for this month's payments: they would be refused.",
                    hint="Run `manage.py make_partitions`.",
                    id="kvt.W010",
                )
            )
    return messages
