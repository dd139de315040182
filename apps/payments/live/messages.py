"""What the activity socket says.

A push carries a number that counts this tenant's pushes and nothing else: a page that sees a number left out asks
for the latest payments, which come from the database as the page itself would show them. So the numbers need no
memory of their own, and say nothing about other tenants.

A payment is said as the page's own table has it: its columns, and what apps above have registered to add, such as
`decision` (outcome, label, severity, severity_label, score, url), which is null while there is none. Everything that
people read is in the language of the group.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from django.conf import settings
from django.utils import translation

from apps.payments.selectors.activity import payments_latest, payments_present, payments_with_ids
from kivendtout.lib.live import listened, mark_pushed, next_number, push, tenant_group
from kivendtout.lib.tenancy import tenant_scope

ACTIVITY = "activity"

log = structlog.get_logger(__name__)


def _json(message: dict[str, Any]) -> str:
    """Written once, by whoever pushes: sockets pass the text on."""
    return msgspec.json.encode(message).decode()


def push_message(seq: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """New and moved payments, oldest first. `seq` follows the last one said to this tenant."""
    return {"type": "payments", "seq": seq, "payments": [_plain(row) for row in rows]}


def latest_message(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer to `resume`: all that the page would show if it were opened now, oldest first."""
    return {"type": "latest", "payments": [_plain(row) for row in reversed(rows)]}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "attempted_at": row["attempted_at"].isoformat(), "amount": str(row["amount"])}


def latest(tenant_id: int, language: str) -> dict[str, Any]:
    with tenant_scope(tenant_id), translation.override(language):
        return latest_message(payments_latest())


def activity_group(tenant_id: int, language: str) -> str:
    """One group a language: labels are written once for everybody who reads it, not once a socket."""
    return f"{tenant_group(ACTIVITY, tenant_id)}.{language}"


def push_payments(*, tenant_id: int, ids: list[int]) -> None:
    """Called once new or moved payments are committed; one message a call and language, if anybody listens.

    A page that opens asks for the latest, so one that opens just after the look misses nothing.
    """
    groups = {activity_group(tenant_id, language): language for language, _name in settings.LANGUAGES}
    heard = listened(list(groups))
    if not heard:
        return
    with tenant_scope(tenant_id):
        payments = payments_with_ids(ids)
        if not payments:
            return
        name = tenant_group(ACTIVITY, tenant_id)
        try:
            seq = next_number(name)
        except Exception as error:
            log.warning("live_push_failed", group=name, error=type(error).__name__)
            mark_pushed(name, False)
            return
        sent = []
        for group in heard:
            with translation.override(groups[group]):
                message = push_message(seq, payments_present(payments))
            sent.append(push(group, _json(message)))
        mark_pushed(name, all(sent))
