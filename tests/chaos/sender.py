"""The shop's side: sends at a steady rate whatever dies, and knows what was acknowledged and where it lies."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from tests.chaos.shop import Planned

# A try; the shop sends what was given up again, as itself, until somebody acknowledges it.
DELIVERY_MS, REQUEST_MS, BLOCK_MS = 20_000, 5_000, 5_000
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
        elif message.kind == "event":
            self.events.add(message.id)
        else:
            self.poison[place] = message.id

    def status(self, payment: str) -> str:
        """An attempt says nothing once a result is known."""
        return next((says for says in ("success", "failed") if says in self.told[payment]), "pending")


class Sender(threading.Thread):
    def __init__(self, bootstrap: str, messages: Iterator[tuple[float, Planned]]) -> None:
        super().__init__(name="sender", daemon=True)
        self.bootstrap, self.messages = bootstrap.split(","), messages
        self.ledger, self.lock = Ledger(), threading.Lock()
        self.again: deque[Planned] = deque()
        self.waiting = 0
        self.behind = 0.0
        self.failure: BaseException | None = None
        self.closing = False
        self.producer = self._connect()

    def _connect(self) -> KafkaProducer:
        return KafkaProducer(
            bootstrap_servers=self.bootstrap, linger_ms=5, acks="all", max_block_ms=BLOCK_MS,
            delivery_timeout_ms=DELIVERY_MS, request_timeout_ms=REQUEST_MS,
        )  # fmt: skip

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
                time.sleep(min(early, 0.05))
            self.behind = max(self.behind, time.monotonic() - began - due if not self.closing else 0.0)
            self._send_again()
            self._send(message)
        deadline = time.monotonic() + FINISH_SECONDS - 10
        while (self.waiting or self.again) and time.monotonic() < deadline:
            self._send_again()
            time.sleep(0.05)
        self.ledger.never = list(self.again)
        with suppress(KafkaError):
            self.producer.close(timeout=5)

    def _send_again(self) -> None:
        for _n in range(len(self.again)):
            self._send(self.again.popleft())

    def _send(self, message: Planned) -> None:
        while self.waiting >= MOST_WAITING:
            time.sleep(0.02)
        headers = [("tenant", message.tenant)] if message.tenant else []
        try:
            sent = self.producer.send(message.topic, key=message.key, value=message.value, headers=headers)
        except KafkaError:
            self.again.append(message)
            self._begin_anew()
            return
        with self.lock:
            self.waiting += 1
        sent.add_callback(self._acknowledged, message)
        sent.add_errback(self._given_up, message)

    def _begin_anew(self) -> None:
        """Nobody took it in five seconds, or the producer fell out with the broker: a new one starts from nothing."""
        with suppress(KafkaError):
            self.producer.close(timeout=1)
        while True:
            try:
                self.producer = self._connect()
                return
            except KafkaError:
                time.sleep(0.5)

    def _acknowledged(self, message: Planned, where: Any) -> None:
        with self.lock:
            self.waiting -= 1
            self.ledger.note(message, f"{where.topic}[{where.partition}]@{where.offset}")

    def _given_up(self, message: Planned, _error: BaseException) -> None:
        with self.lock:
            self.waiting -= 1
            self.ledger.unsure += 1
        self.again.append(message)
