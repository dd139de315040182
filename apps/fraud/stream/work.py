"""The loops of a worker, and what each does with a batch, in order. Each is a consumer group of its own.

- Payments wait for nothing that they do not need: behaviour comes twenty times as often, its store may be slow or away,
  and orders wait for payments.
- A group shares out partitions by their number, whatever comes in them: one that read several topics could give one
  worker all payments and another all orders. So a topic that is heavy has a group of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from apps.customers.services.behaviour import behaviour_store
from apps.fraud.events.label import LabelEvent
from apps.fraud.services.carts import note_carts, note_visits, with_carts
from apps.fraud.services.scoring import payments_decide
from apps.fraud.stream.batch import Batch, Raw, Read, StoreAway, by_patience, traces_of
from apps.fraud.stream.behaviour import read_behaviour
from apps.fraud.stream.labels import labels_of_batch
from apps.payments.events import BehaviourEvent, OrderEvent, PaymentEvent
from apps.payments.services.orders import orders_record
from kivendtout.lib import stream_metrics as metrics
from kivendtout.lib.deadline import answer_within
from kivendtout.lib.errors import KvtError
from kivendtout.lib.events import Message

SOURCE: Final = "stream"
PAYMENTS: Final = "payments"
# An order may overtake its payment: they travel in different topics. It waits until the group, whichever worker it is,
# has read every payment that was sent up to so long after it.
PATIENCE = 60.0
# Enough for set-based SQL to pay off; a batch of this size is decided and stored within a third of a second.
PAYMENT_BATCH: Final = 1_000
BEHAVIOUR_BATCH: Final = 5_000
# A store that hangs, or a table that is locked, is let go of after so long, and tried again.
DOCUMENT_SECONDS = 5.0

ReadStep = Callable[[Batch, Sequence[Raw]], list[Read]]
RecordStep = Callable[[Batch, int, list[Read]], None]


@dataclass(frozen=True)
class Step:
    topics: tuple[str, ...]
    read: ReadStep
    record: RecordStep


@dataclass(frozen=True)
class Work:
    name: str
    group: str
    batch: int
    steps: tuple[Step, ...]
    only_listens: tuple[str, ...] = ()
    """Topics whose bad messages are another loop's dead letters."""

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(topic for step in self.steps for topic in step.topics)

    def answers_for(self, topic: str) -> bool:
        return topic not in self.only_listens


def _as(kind: type[Message]) -> ReadStep:
    return lambda batch, raws: batch.read(kind, raws)


def _carts(_batch: Batch, tenant_id: int, reads: list[Read]) -> None:
    note_carts(tenant_id, [read.message for read in reads])


def _payments(batch: Batch, tenant_id: int, reads: list[Read]) -> None:
    done = payments_decide(
        tenant_id=tenant_id,
        events=with_carts(tenant_id, [read.message for read in reads]),
        source=SOURCE,
        now=batch.now,
        traces=traces_of(reads),
    )
    recorded = done.recorded
    batch.refuse(reads, recorded.rejected_at, recorded.rejected)
    batch.result.new[tenant_id] += sorted({*recorded.new, *recorded.changed})
    batch.count(reads, len(recorded.new) + len(recorded.changed), recorded.repeated)
    metrics.steps_took(done.timings)


def _may_wait(batch: Batch, read: Read) -> bool:
    """Whether the payment that it names may still come. A sender whose clock is far ahead is not waited for."""
    sent_at, now = read.raw.sent_at, batch.now.timestamp()
    return sent_at <= now + PATIENCE and (now < sent_at + PATIENCE or not batch.passed(sent_at + PATIENCE))


def _orders(batch: Batch, tenant_id: int, reads: list[Read]) -> None:
    for wait, some in by_patience(reads, partial(_may_wait, batch)):
        done = orders_record(
            tenant_id=tenant_id,
            events=[read.message for read in some],
            source=SOURCE,
            now=batch.now,
            wait_for_payments=wait,
        )
        batch.refuse(some, done.rejected_at, done.rejected)
        batch.result.early += [some[n].raw for n in done.early_at]
        batch.count(some, done.new, done.repeated)


def _read_behaviour(batch: Batch, raws: Sequence[Raw]) -> list[Read]:
    try:
        found = read_behaviour(raws, now=batch.now)
    except KvtError as error:
        raise StoreAway("registry", error.message) from error
    for raw, fault in found.dead:
        batch.dead(raw, fault.message, fault.code)
    return list(map(Read, found.raws, found.events))


def _behaviour(batch: Batch, tenant_id: int, reads: list[Read]) -> None:
    events = [read.message for read in reads]
    note_visits(tenant_id, events)  # for the payments of these visits
    # Longer each time: what took too long once would take too long for ever.
    with answer_within(DOCUMENT_SECONDS * 2 ** min(batch.tries, 4)):
        done = behaviour_store(tenant_id=tenant_id, events=events)
    batch.count(reads, done.inserted, done.duplicates)


def _labels(batch: Batch, tenant_id: int, reads: list[Read]) -> None:
    for wait, some in by_patience(reads, partial(_may_wait, batch)):
        done = labels_of_batch(tenant_id, some, now=batch.now, wait=wait)
        for place, reason in done.dead:
            batch.dead(some[place].raw, reason, "impossible")
        batch.result.early += [some[place].raw for place in done.early]
        batch.count(some, done.counts["recorded"], done.counts["repeated"])


DECIDING: Final = Work(
    name="payments",
    group="kivendtout-stream",
    batch=PAYMENT_BATCH,
    steps=(Step((PAYMENTS,), _as(PaymentEvent), _payments),),
)
RECORDS: Final = Work(
    name="records",
    group="kivendtout-records",
    batch=PAYMENT_BATCH,
    steps=(
        # Here as well as below: payments are told of carts while the store of behaviour is away.
        Step(("cart-events",), _as(BehaviourEvent), _carts),
        Step(("orders",), _as(OrderEvent), _orders),
        Step(("labels",), _as(LabelEvent), _labels),
    ),
    only_listens=("cart-events",),
)
CARTS: Final = Work(
    name="carts",
    group="kivendtout-carts",
    batch=BEHAVIOUR_BATCH,
    steps=(Step(("cart-events",), _read_behaviour, _behaviour),),
)
BEHAVIOUR: Final = Work(
    name="behaviour",
    group="kivendtout-behaviour",
    batch=BEHAVIOUR_BATCH,
    steps=(Step(("user-events",), _read_behaviour, _behaviour),),
)
WORKS: Final = (DECIDING, RECORDS, CARTS, BEHAVIOUR)
