"""A worker that loses Redis while it holds a job goes on, and takes the job up again when Redis is back.

kombu wants to give the job back to the queue over the very connection that was lost, fails on what is left of it, and
the worker ends. The job is not lost without that: what was not acknowledged stands in Redis, and is given out again
after a while.
"""

from __future__ import annotations

from typing import Any

import redis
import structlog
from kombu.transport.redis import Channel, QoS

log = structlog.get_logger(__name__)


class PatientQoS(QoS):
    def restore_unacked_once(self, stderr: Any = None) -> None:
        try:
            super().restore_unacked_once(stderr)
        except (AttributeError, redis.RedisError, OSError) as error:
            log.warning("jobs_not_given_back", error=type(error).__name__, jobs=len(self._delivered))


def install() -> None:
    Channel.QoS = PatientQoS
