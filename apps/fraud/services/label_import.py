"""A file of verdicts: first what it would do, then all that is valid. Imported again, it changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.translation import gettext, gettext_noop

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.events import LabelEvent
from apps.fraud.models import FraudLabel
from apps.fraud.services.label_csv import FAULTS as LINE_FAULTS
from apps.fraud.services.label_csv import Fault, InvalidLabelFile, Read, Rules, read_heading, read_lines
from apps.fraud.services.label_sql import CHECK, FAULTS, FIND, FOUND, FOUND_COLUMNS, STAGE, STAGE_COLUMNS
from apps.fraud.services.labels import LabelResult, labels_record, staged
from apps.payments.ingestion.staging import Run, execute, fetch, open_stage, stage_rows
from kivendtout.lib.errors import NotAllowed
from kivendtout.lib.tenancy import tenant_scope
from kivendtout.lib.trace import current_trace_id

IMPORT: Final = "fraud.import_labels"
# Of one file; a longer one is two files. A line is some 60 bytes here.
MOST_LINES: Final = 1_000_000
# Recorded at once: a transaction of a second, after which others that wait for the same labels get their turn.
CHUNK: Final = 5_000
OUTCOMES: Final = ("new", "turned", "kind", "repeated", "rejected")


@dataclass
class LabelPlan:
    reads: list[Read] = field(default_factory=list)
    """What can be recorded, in the order in which it became known."""
    faults: list[Fault] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    """Columns of the file that mean nothing here."""
    digest: str = ""


@dataclass
class LabelsImported:
    new: int = 0
    changed: int = 0
    repeated: int = 0
    rejected: int = 0
    """Valid when the file was looked at, and no longer."""


def importer_require(actor: User, tenant_id: int) -> None:
    if not actor.is_active or actor.tenant_id != tenant_id or not actor.has_perm(IMPORT):
        raise NotAllowed(gettext_noop("Your role does not import labels. Ask your team lead."))


def label_import_read(
    *, tenant: Tenant, lines: Iterable[str], now: datetime, source: str | None = None, most: int = MOST_LINES
) -> LabelPlan:
    """Changes nothing. A fault of the whole file is an error, a fault of a line stands beside it."""
    plan, digest = LabelPlan(), sha256()
    rest = iter(_digested(lines, digest))
    heading = read_heading(next(rest, ""))
    plan.ignored = list(heading.ignored)
    for one in read_lines(rest, heading, Rules(source, ZoneInfo(tenant.time_zone), now)):
        if isinstance(one, Fault):
            plan.faults.append(one)
        else:
            plan.reads.append(one)
        if len(plan.reads) + len(plan.faults) > most:
            told = gettext_noop("The file has more than %(most)s lines. Split it.")
            raise InvalidLabelFile(told, most=most)
    plan.digest = digest.hexdigest()
    plan.reads.sort(key=lambda read: read.event.known_at)
    _compare(tenant.pk, plan, now)
    return plan


def label_import_apply(*, tenant: Tenant, plan: LabelPlan, now: datetime, actor: User | None = None) -> LabelsImported:
    """A chunk a transaction, with its audit entry: an import that was interrupted left on record what it did. It is
    begun again, and the first part is a repeat."""
    if actor is not None:
        importer_require(actor, tenant.pk)
    done = LabelsImported()
    for start in range(0, len(plan.reads), CHUNK):
        events = [read.event for read in plan.reads[start : start + CHUNK]]
        with transaction.atomic():
            result = labels_record(tenant_id=tenant.pk, events=events, now=now, publish=True, actor=actor)
            if result.new_at or result.changed_at:
                _audit(tenant.pk, plan, start, result, actor)
        done.new += len(result.new_at)
        done.changed += len(result.changed_at)
        done.repeated += result.repeated
        done.rejected += len(result.rejected_at)
    return done


def fault_sentence(fault: Fault) -> str:
    """In the reader's language."""
    return gettext((LINE_FAULTS | FAULTS)[fault.code]) % {"payment": fault.payment}


def _digested(lines: Iterable[str], digest: Any) -> Iterable[str]:
    for line in lines:
        digest.update(line.encode("utf-8", "surrogatepass"))
        yield line


def _compare(tenant_id: int, plan: LabelPlan, now: datetime) -> None:
    events = [read.event for read in plan.reads]
    found = labels_check(tenant_id=tenant_id, events=events, now=now)
    counted = Counter(outcome for _n, fault, outcome in found if not fault)
    bad = {n: fault for n, fault, _outcome in found if fault}
    plan.faults += [Fault(plan.reads[n].line, fault, events[n].payment_id) for n, fault in bad.items()]
    plan.faults.sort()
    plan.reads = [read for n, read in enumerate(plan.reads) if n not in bad]
    plan.counts = {outcome: counted[outcome] for outcome in OUTCOMES} | {"rejected": len(plan.faults)}


def labels_check(*, tenant_id: int, events: Sequence[LabelEvent], now: datetime) -> list[tuple[int, str | None, str]]:
    """By position: the code of its fault, or what recording it would do."""
    run = Run(tenant_id, "labels", now)
    with tenant_scope(tenant_id), transaction.atomic():
        stage_rows(STAGE, STAGE_COLUMNS, staged(events))
        open_stage(FOUND, FOUND_COLUMNS)
        execute(FIND, run.values(wait=False))
        return [(n, fault, outcome) for n, fault, outcome in fetch(CHECK, run.values())]


def _audit(tenant_id: int, plan: LabelPlan, start: int, done: LabelResult, actor: User | None) -> None:
    """One entry a chunk: the digest tells later which belong together, and whether a file is the one imported."""
    counts = {"new": len(done.new_at), "changed": len(done.changed_at), "repeated": done.repeated}
    first, last = start + 1, min(start + CHUNK, len(plan.reads))
    told = counts | {"sha256": plan.digest, "first": first, "last": last, "of": len(plan.reads)}
    AuditEntry.objects.create(
        content_type=ContentType.objects.get_for_model(FraudLabel),
        object_pk="",
        object_repr=f"labels {first} to {last} of the {len(plan.reads)} of a file",
        action=AuditEntry.Action.CREATE,
        changes={},
        additional_data={"import": told},
        actor=actor,
        actor_email=getattr(actor, "email", None),
        tenant_id=tenant_id,
        cid=current_trace_id(),
    )
