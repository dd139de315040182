"""One decision, by the id that partners were told."""

from __future__ import annotations

import re
from typing import Final

from apps.fraud.models import Decision
from kivendtout.lib.tenancy import tenant_scope

# No more digits than a number of ours can have: a longer one would overflow in the database.
DECISION_ID: Final = re.compile(r"dec_([1-9][0-9]{0,17})", re.ASCII)


def decision_get(*, tenant_id: int, decision_id: str) -> Decision | None:
    """With its payment's reference. None for what is no id of ours, and for another tenant's."""
    match = DECISION_ID.fullmatch(decision_id)
    if match is None:
        return None
    with tenant_scope(tenant_id):
        found: Decision | None = Decision.objects.select_related("payment").filter(pk=int(match[1])).first()
    return found
