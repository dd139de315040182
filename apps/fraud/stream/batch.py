"""What a batch of messages does, apart from Kafka: read, work step by step, and say which messages cannot be used.

Everything here may be repeated: a batch that was recorded and not committed changes nothing the second time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog
from django.db import InterfaceError, InternalError, NotSupportedError, OperationalError, ProgrammingError

from apps.compliance.models import Tenant
from kivendtout.lib.documents import DocumentsUnavailable
from kivendtout.lib.errors import KvtError
from kivendtout.lib.events import InvalidEvent, Message, decode
from kivendtout.lib.kafka import TENANT_HEADER
from kivendtout.lib.stream_metrics import Dependency, Result
from kivendtout.lib.trace import trace_from_kafka

if TYPE_CHECKING:
    from apps.fraud.stream.work import Step, Work

# As wide as the column.
MOST_SLUG: Final = 50
# Messages of one batch that may fail one after the other for a reason that nobody foresaw. More of them are no bad
# messages: something is broken, and a whole topic would go to its dead letters.
MOST_UNFORESEEN: Final = 20

log = structlog.get_logger(__name__)


# InternalError: a server that may only be read, such as a standby before it takes over. ProgrammingError and
# NotSupportedError: code, plans and schema disagree while one is being rolled out. OSError: a key ring that cannot be
# read, a full disk. No message is to blame.
BLAMELESS: Final = (OperationalError, InterfaceError, InternalError, ProgrammingError, NotSupportedError, OSError)


class Raw(NamedTuple):
    """A message as Kafka gave it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes | None]]
    sent_at: float
    """Seconds since 1970, by the sender or by Kafka."""

    @property
    def place(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


class Read(NamedTuple):
    raw: Raw
    message: Any


class Dead(NamedTuple):
    raw: Raw
    reason: str
    code: str


class NoTenant(InvalidEvent):
    code = "no_tenant"


@dataclass
class BatchResult:
    dead: list[Dead] = field(default_factory=list)
    early: list[Raw] = field(default_factory=list)
    """Those that wait for what they name: orders and labels before their payment."""
    new: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Ids of new and moved payments by tenant, for whoever watches."""
    counts: Counter[tuple[str, Result]] = field(default_factory=Counter)

    @property
    def recorded(self) -> int:
        return sum(count for (_topic, result), count in self.counts.items() if result == "recorded")

    @property
    def repeated(self) -> int:
        return sum(count for (_topic, result), count in self.counts.items() if result == "repeated")

    def counted(self) -> Iterator[tuple[str, Result, int]]:
        for (topic, result), count in self.counts.items():
            yield topic, result, count
        for topic, count in Counter(dead.raw.topic for dead in self.dead).items():
            yield topic, "dead", count
        for topic, count in Counter(raw.topic for raw in self.early).items():
            yield topic, "waiting", count


class StoreAway(Exception):
    """A store does not answer. The batch is kept and tried again; nothing of it is lost."""

    def __init__(self, dependency: Dependency, said: str) -> None:
        super().__init__(said)
        self.dependency = dependency


class Batch:
    """One use: `process` what was polled. Steps find here what they need, and leave here what they found."""

    def __init__(
        self,
        work: Work,
        *,
        now: datetime,
        tenants: dict[str, int],
        passed: Callable[[float], bool] = lambda _at: True,
        tries: int = 0,
    ) -> None:
        """`passed`: whether the payments that were sent before that time are read. `tries`: how often it was tried."""
        self.work, self.now, self.tenants, self.passed, self.tries = work, now, tenants, passed, tries
        self.unforeseen = 0
        self.result = BatchResult()

    def process(self, messages: Sequence[Raw]) -> BatchResult:
        by_topic: dict[str, dict[int, list[Raw]]] = defaultdict(lambda: defaultdict(list))
        for raw in messages:
            if (tenant_id := self._tenant(raw)) is not None:
                by_topic[raw.topic][tenant_id].append(raw)
        for step in self.work.steps:
            tenants: dict[int, list[Raw]] = defaultdict(list)
            for topic in step.topics:
                for tenant_id, raws in by_topic[topic].items():
                    tenants[tenant_id] += raws
            for tenant_id, raws in tenants.items():
                if reads := step.read(self, raws):
                    self._isolated(step, tenant_id, reads)
        self._leave_out_what_comes_again()
        return self.result

    def _leave_out_what_comes_again(self) -> None:
        """A partition that waits is read again from there, its bad messages too: they are put aside then."""
        held: dict[tuple[str, int], int] = {}
        for raw in self.result.early:
            held[raw.topic, raw.partition] = min(raw.offset, held.get((raw.topic, raw.partition), raw.offset))
        if held:
            self.result.dead = [
                one for one in self.result.dead if one.raw.offset <= held.get(one.raw[:2], one.raw.offset)
            ]

    def read(self, kind: type[Message], raws: Sequence[Raw]) -> list[Read]:
        """What cannot be read is a dead letter."""
        reads = []
        for raw in raws:
            try:
                reads.append(Read(raw, decode(kind, raw.value, now=self.now)))
            except InvalidEvent as error:
                self.dead(raw, error.message, error.code)
            except KvtError as error:  # what it takes to read it, such as a schema registry, is away
                raise StoreAway("registry", error.message) from error
        return reads

    def dead(self, raw: Raw, reason: str, code: str) -> None:
        self.result.dead.append(Dead(raw, reason, code))

    def refuse(self, reads: Sequence[Read], places: Sequence[int], rejected: Sequence[tuple[str, str]]) -> None:
        """Readable, and not to be reconciled with what is on record."""
        for place, (_key, reason) in zip(places, rejected, strict=True):
            self.dead(reads[place].raw, reason, "impossible")

    def count(self, raws: Sequence[Read], recorded: int, repeated: int) -> None:
        topic = raws[0].raw.topic
        self.result.counts[topic, "recorded"] += recorded
        self.result.counts[topic, "repeated"] += repeated

    def _tenant(self, raw: Raw) -> int | None:
        slug = next((value for name, value in raw.headers if name == TENANT_HEADER), None)
        try:
            if not slug:
                raise NoTenant(f"The message names no tenant. Send its slug in the header {TENANT_HEADER!r}.")
            name = slug.decode("utf-8", "replace")
            if len(name) > MOST_SLUG or not name.isprintable():
                raise NoTenant(f"The header {TENANT_HEADER!r} holds no tenant's slug. Correct it.")
            # Tenants are few and keep their slug, so a known one is not asked for again.
            if name not in self.tenants:
                self.tenants[name] = _tenant_id(name)
        except NoTenant as error:
            self.dead(raw, error.message, error.code)
            return None
        return self.tenants[name]

    def _isolated(self, step: Step, tenant_id: int, reads: list[Read]) -> None:
        """The whole group at once; where something in it cannot be recorded, one by one, so that it alone stays out."""
        try:
            step.record(self, tenant_id, reads)
            self.unforeseen = 0
        except DocumentsUnavailable as error:
            raise StoreAway("documents", error.message) from error
        except BLAMELESS as error:
            raise StoreAway("postgresql", f"PostgreSQL: {type(error.__cause__ or error).__name__}") from error
        except Exception as error:
            if isinstance(error, KvtError) and error.status >= 500:
                raise StoreAway("postgresql", error.message) from error
            if len(reads) > 1:
                for read in reads:
                    self._isolated(step, tenant_id, [read])
                return
            known = isinstance(error, KvtError)
            self.unforeseen += not known
            if self.unforeseen > MOST_UNFORESEEN:
                raise StoreAway("postgresql", f"One message after the other fails: {type(error).__name__}") from error
            reason = error.message if isinstance(error, KvtError) else f"It cannot be stored: {type(error).__name__}."
            log.warning("message_not_recorded", place=reads[0].raw.place, error=type(error).__name__)
            self.dead(reads[0].raw, reason, "impossible" if known else "not_stored")


def traces_of(reads: Sequence[Read]) -> list[str]:
    return [trace_from_kafka(read.raw.headers) or "" for read in reads]


def by_patience(reads: Sequence[Read], patient: Callable[[Read], bool]) -> Iterator[tuple[bool, list[Read]]]:
    """Those that may still wait for what they name, and those that have waited long enough."""
    for wait in (True, False):
        if some := [read for read in reads if patient(read) is wait]:
            yield wait, some


def _tenant_id(slug: str) -> int:
    try:
        tenant_id = Tenant.objects.filter(slug=slug).values_list("pk", flat=True).first()
    except (OperationalError, InterfaceError) as error:
        raise StoreAway("postgresql", f"PostgreSQL: {type(error.__cause__ or error).__name__}") from error
    if tenant_id is None:
        raise NoTenant(f"There is no tenant {slug!r}. Correct the header {TENANT_HEADER!r}.")
    return tenant_id
