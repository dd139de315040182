"""Where acts come from: the audit trail, which is always there, and log files, where somebody names them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Final

from django.conf import settings

from apps.compliance.models import Tenant
from apps.fraud.models import AnomalyKind
from apps.fraud.scorers.anomaly.access_log import AccessLog
from apps.fraud.scorers.anomaly.postgres_log import PostgresLog
from apps.fraud.selectors.anomalies import NETWORK_DIGITS, audit_acts
from apps.fraud.services.anomalies import Scan
from apps.fraud.services.anomalies_activity import LEARNED_FROM, activity_scan
from kivendtout.lib.crypto.hashing import keyed_hash

# A line of ours is shorter; a longer one, such as a statement with a thousand values, is cut.
LONGEST_LINE: Final = 65_536


@dataclass(frozen=True, slots=True)
class LogScan:
    scan: Scan
    lines: int = 0
    bad: int = 0
    """That could not be read; counted, never fatal."""
    passed_over: int = 0
    """Of others: of another tenant, or about nothing that is counted."""


def access_scan(*, tenant: Tenant, now: datetime, file: Path | None = None) -> LogScan:
    """The audit trail, and an access log if there is one. Lines of no tenant belong to the one that runs all this."""
    log = AccessLog(tenant.slug, unnamed=tenant.slug == settings.DEMO_TENANT)
    acts = audit_acts(tenant_id=tenant.pk, start=now - LEARNED_FROM, end=now)
    with ExitStack() as stack:
        told = log.acts(_lines(stack, file)) if file else iter(())
        scan = activity_scan(tenant=tenant, kind=AnomalyKind.ACCESS, acts=chain(acts, told), now=now)
    return LogScan(scan, log.lines, log.bad, log.others)


def database_scan(*, tenant: Tenant, now: datetime, file: Path) -> LogScan:
    """The server's own log. It serves every tenant and names none: its anomalies go to the tenant named here."""
    log = PostgresLog(network_hash)
    with ExitStack() as stack:
        scan = activity_scan(tenant=tenant, kind=AnomalyKind.DATABASE, acts=log.acts(_lines(stack, file)), now=now)
    return LogScan(scan, log.lines, log.bad, log.passed_over)


def network_hash(address: str) -> str:
    return keyed_hash("address", address).hex()[:NETWORK_DIGITS]


def _lines(stack: ExitStack, file: Path) -> Iterator[str]:
    """A line at a time, whatever its bytes and however long it is."""
    source = stack.enter_context(file.open(encoding="utf-8", errors="replace"))
    while line := source.readline(LONGEST_LINE):
        yield line
