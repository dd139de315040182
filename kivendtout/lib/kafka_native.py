"""The stream's own Kafka clients, on librdkafka: its network and its batches are C threads, beside Python's lock.

Publishing took a worker 74 µs of processor time a payment with kafka-python, and some 10 with this. Tools, tests and
the admin commands stay with kafka-python, which says more plainly what it does.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from django.conf import settings

_NAMES: Final = {
    "security_protocol": "security.protocol",
    "sasl_mechanism": "sasl.mechanism",
    "sasl_plain_username": "sasl.username",
    "sasl_plain_password": "sasl.password",
    "ssl_cafile": "ssl.ca.location",
}
# A member of the group that does not poll for so long loses its partitions. Waiting for a store keeps polling, so this
# covers one batch; it is generous because a first batch may have to make partitions and keys.
MAX_POLL_MS: Final = 600_000
# What is read ahead of the loop, of all partitions together: a few batches, not the library's 64 MB.
AHEAD_KB: Final = 16_384
# An acknowledgement is given up before the row that waits for it is free again: a message that stayed in the producer
# would go out once more beside the row's next attempt.
DELIVERY_MS: Final = 8_000
# Long enough that a batch's messages travel together, too short to be felt.
LINGER_MS: Final = 5
# Each try at a broker that does not answer.
REQUEST_MS: Final = 4_000

_log = logging.getLogger("librdkafka")


def native_options() -> dict[str, Any]:
    security = {_NAMES[name]: value for name, value in settings.KAFKA_SECURITY.items()}
    return {
        "client.id": f"stream@{socket.gethostname()}-{os.getpid()}",
        "bootstrap.servers": ",".join(settings.KAFKA_BOOTSTRAP_SERVERS),
        # A broker that is back is noticed within a second.
        "reconnect.backoff.max.ms": 1_000,
        "socket.keepalive.enable": True,
        # librdkafka would write each lost connection to a log of its own; `error_cb` hears what matters.
        "log.connection.close": False,
        **security,
    }


def make_native_consumer(group: str, *, on_error: Callable[[KafkaError], None]) -> Consumer:
    return Consumer(
        {
            **native_options(),
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            # Only the partitions that must move do; the others go on being read while the group agrees.
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": settings.STREAM_SESSION_SECONDS * 1000,
            "max.poll.interval.ms": MAX_POLL_MS,
            "queued.max.messages.kbytes": AHEAD_KB,
            "error_cb": on_error,
        },
        logger=_log,
    )


def make_native_producer() -> Producer:
    """Idempotent and acknowledged by all in-sync replicas: a retry by the library neither doubles nor reorders."""
    return Producer(
        {
            **native_options(),
            "enable.idempotence": True,
            "acks": "all",
            # What a topic takes by default; librdkafka's own limit is lower, and a dead letter may need all of it.
            "message.max.bytes": 1_048_588,
            "linger.ms": LINGER_MS,
            "delivery.timeout.ms": DELIVERY_MS,
            "request.timeout.ms": REQUEST_MS,
        },
        logger=_log,
    )


def committed_of(group: str, places: list[TopicPartition], *, seconds: float = 1.0) -> dict[int, int]:
    """By partition, how far any group has read; below zero where it has not. Raises KafkaException."""
    admin = AdminClient(native_options(), logger=_log)
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)], request_timeout=seconds)
    return {one.partition: one.offset for one in asked[group].result(seconds + 1.0).topic_partitions}


def error_name(error: Exception) -> str:
    """Kafka's own short name for what it refused."""
    first = error.args[0] if error.args else error
    return str(first.name()) if isinstance(first, KafkaError) else type(error).__name__


def drop_native_producer(producer: Producer) -> None:
    """Forget what was not acknowledged, at once: what it held stands in the outbox."""
    producer.purge()
    producer.flush(0)
