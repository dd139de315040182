"""What a batch of messages does, apart from Kafka: decode, decide, record, and say which messages cannot be used.

Everything here may be repeated: a batch that was recorded and not committed changes nothing the second time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError

from apps.compliance.models import Tenant
from apps.customers.services.behaviour import behaviour_record
from apps.fraud.services.carts import note_carts, with_carts
from apps.fraud.services.scoring import payments_decide
from apps.fraud.state.breaker import Away, Breaker
from apps.payments.events import BehaviourEvent, InvalidEvent, Message, OrderEvent, PaymentEvent, decode
from apps.payments.services.orders import orders_record
from kivendtout.lib.deadline import answer_within
from kivendtout.lib.documents import DocumentsUnavailable
from kivendtout.lib.errors import KvtError
from kivendtout.lib.kafka import TENANT_HEADER
from kivendtout.lib.trace import trace_from_kafka

SOURCE = "stream"
KINDS: dict[str, type[Message]] = {
    "payments": PaymentEvent,
    "orders": OrderEvent,
    "user-events": BehaviourEvent,
    "cart-events": BehaviourEvent,
}
# An order may overtake its payment: they travel in different topics. It waits while its payment may still come.
PATIENCE = timedelta(minutes=1)
# … and longer while payments are being caught up with (`behind`).
LONGEST_PATIENCE = timedelta(hours=1)
# Documents are the one thing that payments do not need: a store that hangs, or a table that is locked, may hold them up
# for so long before the documents wait and the payments go on.
DOCUMENT_SECONDS = 5.0
# … and then it is left alone, so that they are not held up again at once.
DOCUMENT_PAUSE = 15.0

log = structlog.get_logger(__name__)
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Raw:
    """A message as Kafka gave it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes | None]]
    sent_at: datetime

    @property
    def place(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True, slots=True)
class Read:
    raw: Raw
    message: Any
    trace_id: str


@dataclass
class BatchResult:
    dead: list[tuple[Raw, str]] = field(default_factory=list)
    early: list[Raw] = field(default_factory=list)
    """Orders that wait for their payment."""
    unstored: list[Raw] = field(default_factory=list)
    """Behaviour that waits for the document store."""
    new: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Ids of new and moved payments by tenant, for whoever watches."""
    recorded: int = 0
    repeated: int = 0


class StoreAway(Exception):
    """A store does not answer. The batch is kept and tried again; nothing of it is lost."""


def documents_breaker() -> Breaker:
    return Breaker("documents", DocumentsUnavailable, pause=DOCUMENT_PAUSE)


class Batch:
    def __init__(
        self, *, now: datetime, tenants: dict[str, int], behind: bool = False, documents: Breaker | None = None
    ) -> None:
        self.now, self.tenants, self.behind = now, tenants, behind
        self.documents = documents or documents_breaker()
        self.result = BatchResult()

    def process(self, messages: Sequence[Raw]) -> BatchResult:
        # 1. Decode; what cannot be read is a dead letter.
        groups: dict[tuple[type[Message], int], list[Read]] = defaultdict(list)
        for raw in messages:
            if read := self._read(raw):
                groups[type(read[1].message), read[0]].append(read[1])
        # 2. Carts first: a payment of this batch may have come from one of them.
        for (kind, tenant_id), reads in groups.items():
            if kind is BehaviourEvent:
                note_carts(tenant_id, [read.message for read in reads])
        # 3. Payments before the orders that name them, behaviour last.
        steps = ((PaymentEvent, self._payments), (OrderEvent, self._orders), (BehaviourEvent, self._behaviour))
        for kind, record in steps:
            for (found, tenant_id), reads in groups.items():
                if found is kind:
                    self._isolated(record, tenant_id, reads)
        return self.result

    def _read(self, raw: Raw) -> tuple[int, Read] | None:
        try:
            tenant_id = self._tenant(raw)
            message = decode(KINDS[raw.topic], raw.value, now=self.now)
        except InvalidEvent as error:
            self.result.dead.append((raw, error.message))
            return None
        return tenant_id, Read(raw, message, trace_from_kafka(raw.headers) or "")

    def _tenant(self, raw: Raw) -> int:
        slug = next((value for name, value in raw.headers if name == TENANT_HEADER), None)
        if not slug:
            raise InvalidEvent(f"The message names no tenant. Send its slug in the header {TENANT_HEADER!r}.")
        name = slug.decode("utf-8", "replace")[:50]
        # Tenants are few and keep their slug, so a known one is not asked for again.
        if name not in self.tenants:
            self.tenants[name] = _tenant_id(name)
        return self.tenants[name]

    def _isolated(self, record: Callable[[int, list[Read]], None], tenant_id: int, reads: list[Read]) -> None:
        """The whole group at once; where something in it cannot be recorded, one by one, so that it alone stays out."""
        try:
            record(tenant_id, reads)
        except (OperationalError, InterfaceError, InternalError, ProgrammingError) as error:
            # InternalError: a server that may only be read, such as a standby before it takes over. ProgrammingError:
            # code and schema disagree while one is being rolled out. No message is to blame.
            raise StoreAway(f"PostgreSQL: {type(error.__cause__ or error).__name__}") from error
        except Exception as error:
            if isinstance(error, KvtError) and error.status >= 500:
                raise StoreAway(error.message) from error
            if len(reads) == 1:
                reason = (
                    error.message if isinstance(error, KvtError) else f"It cannot be stored: {type(error).__name__}."
                )
                log.warning("message_not_recorded", place=reads[0].raw.place, error=type(error).__name__)
                self.result.dead.append((reads[0].raw, reason))
                return
            for read in reads:
                self._isolated(record, tenant_id, [read])

    def _payments(self, tenant_id: int, reads: list[Read]) -> None:
        done = payments_decide(
            tenant_id=tenant_id,
            events=with_carts(tenant_id, [read.message for read in reads]),
            source=SOURCE,
            now=self.now,
            traces=[read.trace_id for read in reads],
        )
        recorded = done.recorded
        self._refuse(reads, recorded.rejected_at, recorded.rejected)
        self.result.new[tenant_id] += sorted({*recorded.new, *recorded.changed})
        self.result.recorded += len(recorded.new) + len(recorded.changed)
        self.result.repeated += recorded.repeated

    def _orders(self, tenant_id: int, reads: list[Read]) -> None:
        by_patience: dict[bool, list[Read]] = {True: [], False: []}
        for read in reads:
            age = self.now - read.raw.sent_at
            by_patience[age < (LONGEST_PATIENCE if self.behind else PATIENCE)].append(read)
        for wait, some in by_patience.items():
            if some:
                self._some_orders(tenant_id, some, wait)

    def _some_orders(self, tenant_id: int, reads: list[Read], wait: bool) -> None:
        done = orders_record(
            tenant_id=tenant_id,
            events=[read.message for read in reads],
            source=SOURCE,
            now=self.now,
            wait_for_payments=wait,
        )
        self._refuse(reads, done.rejected_at, done.rejected)
        self.result.early += [reads[n].raw for n in done.early_at]
        self.result.recorded += done.new
        self.result.repeated += done.repeated

    def _behaviour(self, tenant_id: int, reads: list[Read]) -> None:
        documents = [_document(read.message) for read in reads]
        try:
            with answer_within(DOCUMENT_SECONDS):
                done = self.documents.call(lambda: behaviour_record(tenant_id=tenant_id, documents=documents))
        except Away:
            self.result.unstored += [read.raw for read in reads]
            return
        self.result.recorded += done.inserted
        self.result.repeated += done.duplicates

    def _refuse(self, reads: list[Read], places: list[int], rejected: list[tuple[str, str]]) -> None:
        self.result.dead += [(reads[n].raw, reason) for n, (_key, reason) in zip(places, rejected, strict=True)]


def _document(event: BehaviourEvent) -> dict[str, Any]:
    names = {"event_id": "id", "schema_version": ""}
    found = {names.get(name, name): getattr(event, name) for name in event.__struct_fields__}
    found.pop("")
    return found


def _tenant_id(slug: str) -> int:
    try:
        tenant_id = Tenant.objects.filter(slug=slug).values_list("pk", flat=True).first()
    except (OperationalError, InterfaceError) as error:
        raise StoreAway(f"PostgreSQL: {type(error.__cause__ or error).__name__}") from error
    if tenant_id is None:
        raise InvalidEvent(f"There is no tenant {slug!r}. Correct the header {TENANT_HEADER!r}.")
    return tenant_id
