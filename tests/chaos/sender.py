"""The shop's side: sends at a steady rate whatever dies, and knows what was acknowledged and where it lies."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from confluent_kafka import KafkaError, Message, Producer

from tests.chaos.shop import Planned

# A try; the shop sends what was given up again, as itself, until somebody acknowledges it.
DELIVERY_MS, REQUEST_MS = 20_000, 5_000
# What waits for an acknowledgement at once: enough for the rate, and little enough to end soon after an outage.
MOST_WAITING = 5_000
FINISH_SECONDS = 120.0


@dataclass
class Ledger:
    """What Kafka said it has. `unsure` may be there too: it was given up without an answer, and sent again."""

    told: dict[str, set[str]] = field(default_factory=dict)
    """By payment, the statuses told."""
    orders: dict[str, str] = field(default_factory=dict)
    """With the payment of each."""
    labels: dict[str, str] = field(default_factory=dict)
    """By payment, fraud or genuine."""
    events: set[str] = field(default_factory=set)
    poison: dict[str, str] = field(default_factory=dict)
    """By place, the poison there."""
    acknowledged: Counter[str] = field(default_factory=Counter)
    unsure: int = 0
    never: list[Planned] = field(default_factory=list)

    def note(self, message: Planned, place: str) -> None:
        self.acknowledged[message.kind] += 1
        if message.kind == "payment":
            self.told.setdefault(message.id, set()).add(message.says)
        elif message.kind == "order":
            self.orders[message.id] = message.says
        elif message.kind == "label":
            self.labels[message.id] = message.says
        elif message.kind == "event":
            self.events.add(message.id)
        else:
            self.poison[place] = message.id

    def status(self, payment: str) -> str:
        """An attempt says nothing once a result is known."""
        return next((says for says in ("success", "failed") if says in self.told[payment]), "pending")


class Sender(threading.Thread):
    """On librdkafka: kafka-python's idempotent producer was seen to wait for ever after a broker had died."""

    def __init__(self, bootstrap: str, messages: Iterator[tuple[float, Planned]]) -> None:
        super().__init__(name="sender", daemon=True)
        self.messages, self.ledger = messages, Ledger()
        self.again: deque[Planned] = deque()
        self.waiting = 0
        self.behind = 0.0
        self.failure: BaseException | None = None
        self.closing = False
        self.producer = Producer({
            "bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 5,
            "delivery.timeout.ms": DELIVERY_MS, "request.timeout.ms": REQUEST_MS, "reconnect.backoff.max.ms": 1_000,
            "log_level": 0,
        })  # fmt: skip

    def run(self) -> None:
        try:
            self._send_all()
        except BaseException as error:
            self.failure = error
            raise

    def finish(self) -> Ledger:
        """The rest of the visits begun, without waiting for their time; then every acknowledgement."""
        self.closing = True
        self.join(FINISH_SECONDS)
        if self.failure or self.is_alive():
            raise RuntimeError("The sender did not come to its end.") from self.failure
        return self.ledger

    def _send_all(self) -> None:
        began = time.monotonic()
        for due, message in self.messages:
            while not self.closing and (early := began + due - time.monotonic()) > 0:
                self._send_again()
                self.producer.poll(min(early, 0.05))
            self.behind = max(self.behind, time.monotonic() - began - due if not self.closing else 0.0)
            self._send_again()
            self._send(message)
        deadline = time.monotonic() + FINISH_SECONDS - 10
        while (self.waiting or self.again) and time.monotonic() < deadline:
            self._send_again()
            self.producer.poll(0.05)
        self.ledger.never = list(self.again)
        if self.waiting:
            raise RuntimeError(f"{self.waiting} messages were neither acknowledged nor given up.")

    def _send_again(self) -> None:
        for _n in range(len(self.again)):
            self._send(self.again.popleft())

    def _send(self, message: Planned) -> None:
        """What was told is heard in `poll`, in this same thread."""
        while self.waiting >= MOST_WAITING:
            self.producer.poll(0.05)
        self.waiting += 1
        self.producer.produce(
            message.topic, message.value, message.key, on_delivery=partial(self._told, message),
            headers=[("tenant", message.tenant)] if message.tenant else [],
        )  # fmt: skip

    def _told(self, message: Planned, fault: KafkaError | None, where: Message) -> None:
        self.waiting -= 1
        if fault is None:
            self.ledger.note(message, f"{where.topic()}[{where.partition()}]@{where.offset()}")
            return
        self.ledger.unsure += 1
        self.again.append(message)
