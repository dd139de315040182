"""The stream as a part of the Celery worker: it runs in whichever worker serves the queue `stream`.

celery -A celery_worker worker -Q stream -P threads
"""

from __future__ import annotations

import threading
from typing import Any

from celery import bootsteps

from celery_worker.stream import Stream
from kivendtout.lib.memory import spare_the_collector

QUEUE = "stream"
STOP_SECONDS = 20.0


class StreamStep(bootsteps.StartStopStep):
    """Starts the stream with the worker that serves its queue, and stops it before the worker ends."""

    requires = {"celery.worker.components:Pool"}

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None

    def include_if(self, worker: Any) -> bool:
        return QUEUE in worker.app.amqp.queues.consume_from

    def start(self, worker: Any) -> None:
        spare_the_collector()
        self.thread = threading.Thread(target=Stream(self.stopping).run, name="stream", daemon=True)
        self.thread.start()

    def stop(self, worker: Any) -> None:
        self.stopping.set()
        if self.thread is not None:
            self.thread.join(STOP_SECONDS)

    def terminate(self, worker: Any) -> None:
        self.stop(worker)


def install(app: Any) -> None:
    app.steps["worker"].add(StreamStep)
