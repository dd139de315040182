"""How the stream does, for the command and the page: what Kafka holds for us, and what waits in the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import InterfaceError, OperationalError, ProgrammingError, connection

from apps.fraud.models import OutboxLane
from apps.fraud.selectors.stream_figures import LaneStatus, StreamStatus
from apps.fraud.selectors.stream_kafka import GROUPS, kafka_status
from kivendtout.lib.kafka import KafkaUnavailable

# A row holds a batch of messages as a MessagePack array, whose first bytes tell how many: no message is unpacked.
OUTBOX: Final = """
SELECT topic, count(*), min(created_at), coalesce(sum(CASE
    WHEN get_byte(head, 0) BETWEEN 144 AND 159 THEN get_byte(head, 0) - 144
    WHEN get_byte(head, 0) = 220 THEN get_byte(head, 1) * 256 + get_byte(head, 2)
    WHEN get_byte(head, 0) = 221 THEN get_byte(head, 2) * 65536 + get_byte(head, 3) * 256 + get_byte(head, 4)
    END), 0)
FROM (SELECT topic, created_at, substr(messages, 1, 5) AS head FROM fraud_outbox) AS waiting
GROUP BY topic
"""
LANE_FIELDS: Final = ("attempts", "failed_since", "next_try_at", "last_error")


def stream_status(*, now: datetime, groups: Mapping[str, Sequence[str]] | None = None) -> StreamStatus:
    """Each part on its own: a Kafka that is away is just when somebody wants to see the outbox."""
    kafka, outbox, problems = None, None, []
    try:
        kafka = kafka_status(now=now, groups=groups or GROUPS)
    except KafkaUnavailable as error:
        problems.append(f"{error.message} ({type(error.__cause__).__name__})" if error.__cause__ else error.message)
    try:
        outbox = outbox_status(now=now)
    except (OperationalError, InterfaceError) as error:
        problems.append(f"PostgreSQL does not answer ({type(error).__name__}). Check DATABASE_URL and the server.")
    except ProgrammingError:
        problems.append("The database has no outbox. Run `manage.py migrate`.")
    return StreamStatus(at=now, kafka=kafka, outbox=outbox, problems=problems)


def outbox_status(*, now: datetime) -> list[LaneStatus]:
    """Every lane with rows, and every lane that was refused."""
    with connection.cursor() as cursor:
        cursor.execute(OUTBOX)
        waiting = {row[0]: row[1:] for row in cursor.fetchall()}
    lanes = _lanes()
    return [_lane(name, waiting.get(name), lanes.get(name, {}), now) for name in sorted(waiting.keys() | lanes.keys())]


def _lane(name: str, waiting: tuple[Any, ...] | None, told: dict[str, Any], now: datetime) -> LaneStatus:
    rows, oldest, messages = waiting or (0, now, 0)
    age = max((now - oldest).total_seconds(), 0.0)
    return LaneStatus(lane=name, rows=rows, messages=int(messages), oldest_seconds=round(age, 1), **told)


def _lanes() -> dict[str, dict[str, Any]]:
    """What the relay wrote down about destinations that refused."""
    rows = OutboxLane.objects.filter(failed_since__isnull=False).values("topic", *LANE_FIELDS)
    return {row["topic"]: {name: row[name] for name in LANE_FIELDS} for row in rows}
