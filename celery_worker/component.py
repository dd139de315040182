"""The stream as a part of the Celery worker: it runs in whichever worker serves the queue `stream`.

celery -A celery_worker worker -Q stream -P threads
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any, Final

from celery import bootsteps
from django.db.backends.signals import connection_created

from apps.fraud.live.groups import alert_changes_tell
from apps.fraud.stream.pages import Teller
from apps.fraud.stream.relay import Relay
from apps.fraud.stream.work import WORKS
from celery_worker.metrics_server import MetricsServer, serve_metrics
from celery_worker.stream import Stream
from kivendtout.lib.memory import spare_the_collector

QUEUE: Final = "stream"
# Longer than a batch; then the worker ends all the same, and the batch is read again by the next one.
STOP_SECONDS: Final = 20.0
# Longer than the longest that a transaction of ours stands still by itself: the relay's, for Kafka's acknowledgement.
IDLE_SECONDS: Final = 20


class StreamStep(bootsteps.StartStopStep):
    """Starts the loops and the relay with the worker that serves their queue, and stops them before the worker ends."""

    requires = {"celery.worker.components:Pool"}

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.stopping = threading.Event()
        self.threads: list[threading.Thread] = []
        self.metrics: MetricsServer | None = None

    def include_if(self, worker: Any) -> bool:
        return QUEUE in worker.app.amqp.queues.consume_from

    def start(self, worker: Any) -> None:
        spare_the_collector()
        connection_created.connect(_let_go, dispatch_uid="stream")
        teller = Teller(self.stopping, tell_alerts=alert_changes_tell)
        relay = Relay(self.stopping, teller)
        loops = {work.name: Stream(self.stopping, work, relay) for work in WORKS}
        runs = {"relay": relay.run, "teller": teller.run} | {f"stream-{name}": loop.run for name, loop in loops.items()}
        self.threads = [threading.Thread(target=run, name=name, daemon=True) for name, run in runs.items()]
        for thread in self.threads:
            thread.start()
        self.metrics = serve_metrics({name: loop.health for name, loop in loops.items()})

    def stop(self, worker: Any) -> None:
        self.stopping.set()
        deadline = monotonic() + STOP_SECONDS
        for thread in self.threads:
            thread.join(max(deadline - monotonic(), 0.0))
        if self.metrics is not None:
            self.metrics.stop()
            self.metrics = None

    def terminate(self, worker: Any) -> None:
        self.stop(worker)


def _let_go(connection: Any, **_signal: object) -> None:
    """A worker that is frozen or cut off in mid-transaction would hold its locks, and so stop the other workers."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")


def install(app: Any) -> None:
    app.steps["worker"].add(StreamStep)
