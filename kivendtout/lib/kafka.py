"""Kafka clients as this product uses them, and the topics it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import InvalidReplicationFactorError, KafkaError, TopicAlreadyExistsError

from kivendtout.lib.errors import InvalidInput, ServiceUnavailable

TENANT_HEADER = "tenant"
DEAD_LETTERS = ".dlq"
# Dead letters are few, and read by people: one partition keeps them in order.
DEAD_LETTER_PARTITIONS = 1
HOUR_MS = 3_600_000
# With this many copies or more, two of them must hold a message before it is acknowledged: one may then burn.
COPIES_WORTH_TWO = 3
CONNECT_MS = 5_000
# A message is not given up because a broker restarts: the producer keeps it and goes on trying this long.
DELIVERY_MS = 24 * 60 * 60 * 1000


class KafkaUnavailable(ServiceUnavailable):
    code = "kafka_unavailable"
    message = "Kafka does not answer. Check that KAFKA_BOOTSTRAP_SERVERS names a broker that runs, then retry."


class TooFewBrokers(InvalidInput):
    code = "too_few_brokers"
    message = gettext_noop(
        "The cluster cannot keep %(copies)s copies of a topic. Set KAFKA_REPLICATION to at most its number of brokers."
    )


def wanted_topics() -> dict[str, int]:
    """Every topic with its number of partitions, dead letters included."""
    topics: Mapping[str, int] = settings.TOPICS
    return dict(topics) | {f"{name}{DEAD_LETTERS}": DEAD_LETTER_PARTITIONS for name in topics}


def topic_configs(name: str) -> dict[str, str]:
    """What a topic is told when it is made; what settings do not speak of is left to the cluster."""
    is_dead = name.endswith(DEAD_LETTERS)
    hours = settings.DEAD_LETTER_RETENTION_HOURS if is_dead else settings.TOPIC_RETENTION_HOURS.get(name)
    configs = {} if hours is None else {"retention.ms": str(hours * HOUR_MS)}
    if settings.KAFKA_REPLICATION >= COPIES_WORTH_TWO:
        configs["min.insync.replicas"] = "2"
    return configs


def ensure_topics(topics: Mapping[str, int] | None = None) -> list[str]:
    """Creates what is missing, leaves the rest as it is; returns the new ones."""
    wanted = dict(topics or wanted_topics())
    with admin_client() as admin:
        known = set(admin.list_topics())
        return [name for name in wanted if name not in known and create_topic(admin, name, wanted[name])]


@contextmanager
def admin_client() -> Iterator[KafkaAdminClient]:
    """Closed at the end; whatever Kafka refuses or does not answer becomes KafkaUnavailable."""
    try:
        admin = KafkaAdminClient(**connection_options())
        try:
            yield admin
        finally:
            admin.close()
    except KafkaError as error:
        raise KafkaUnavailable from error


def create_topic(admin: KafkaAdminClient, name: str, partitions: int) -> bool:
    """False when somebody else was quicker."""
    options = {
        "num_partitions": partitions,
        "replication_factor": settings.KAFKA_REPLICATION,
        "configs": topic_configs(name),
    }
    try:
        admin.create_topics({name: options})
    except TopicAlreadyExistsError:
        return False
    except InvalidReplicationFactorError as error:
        raise TooFewBrokers(copies=settings.KAFKA_REPLICATION) from error
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
