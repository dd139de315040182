"""Kafka clients as this product uses them, and the topics it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from kivendtout.lib.errors import ServiceUnavailable

TENANT_HEADER = "tenant"
DEAD_LETTERS = ".dlq"
# Dead letters are few, and read by people: one partition keeps them in order.
DEAD_LETTER_PARTITIONS = 1
CONNECT_MS = 5_000
# A message is not given up because a broker restarts: the producer keeps it and goes on trying this long.
DELIVERY_MS = 24 * 60 * 60 * 1000


class KafkaUnavailable(ServiceUnavailable):
    code = "kafka_unavailable"
    message = "Kafka does not answer. Check that KAFKA_BOOTSTRAP_SERVERS names a broker that runs, then retry."


def wanted_topics() -> dict[str, int]:
    """Every topic with its number of partitions, dead letters included."""
    topics: Mapping[str, int] = settings.TOPICS
    return dict(topics) | {f"{name}{DEAD_LETTERS}": DEAD_LETTER_PARTITIONS for name in topics}


def ensure_topics(topics: Mapping[str, int] | None = None) -> list[str]:
    """Creates what is missing, leaves the rest as it is; returns the new ones."""
    wanted = dict(topics or wanted_topics())
    try:
        admin = KafkaAdminClient(**connection_options())
    except KafkaError as error:
        raise KafkaUnavailable from error
    try:
        missing = [name for name in wanted if name not in set(admin.list_topics())]
        return [name for name in missing if _create(admin, name, wanted[name])]
    except KafkaError as error:
        raise KafkaUnavailable from error
    finally:
        admin.close()


def _create(admin: KafkaAdminClient, name: str, partitions: int) -> bool:
    try:
        # -1: the cluster's own default, three copies on a cluster worth the name and one on a laptop.
        admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=-1)])
    except TopicAlreadyExistsError:
        return False
    return True


def connection_options() -> dict[str, Any]:
    """What every client needs to reach the cluster: addresses, and encryption and sign-in where it asks for them."""
    return {
        "bootstrap_servers": list(settings.KAFKA_BOOTSTRAP_SERVERS),
        "bootstrap_timeout_ms": CONNECT_MS,
        **settings.KAFKA_SECURITY,
    }


def make_producer(**options: Any) -> KafkaProducer:
    """Idempotent, acknowledged by all in-sync replicas, and patient; raises KafkaUnavailable at once when alone."""
    chosen = {"linger_ms": 20, "batch_size": 131_072, "delivery_timeout_ms": DELIVERY_MS, "max_block_ms": CONNECT_MS}
    try:
        return KafkaProducer(**connection_options(), **(chosen | options))
    except KafkaError as error:
        raise KafkaUnavailable from error
