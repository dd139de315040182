"""`create_topics` on both brokers: what it makes, what it says of topics that differ, what it changes, what never."""

from __future__ import annotations

import json
import uuid
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from kivendtout.lib.kafka import HOUR_MS, ensure_topics, topic_configs

from .kafka_servers import Server, free_port


@pytest.fixture
def wanted(kafka_server: Server, settings: Any) -> str:
    """One topic of the test's own, as settings ask for it."""
    name = f"payments-{uuid.uuid4().hex[:8]}"
    settings.KAFKA_BOOTSTRAP_SERVERS = [kafka_server.bootstrap]
    settings.TOPICS, settings.TOPIC_RETENTION_HOURS = {name: 3}, {name: 168}
    settings.DEAD_LETTER_RETENTION_HOURS = 720
    return name


def run(*options: str) -> dict[str, Any]:
    out = StringIO()
    call_command("create_topics", "--json", *options, stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def said(*options: str) -> str:
    out = StringIO()
    call_command("create_topics", *options, stdout=out)
    return out.getvalue()


def state(server: Server, name: str) -> tuple[int, str]:
    admin = KafkaAdminClient(bootstrap_servers=server.bootstrap)
    partitions = len(admin.describe_topics([name])[0]["partitions"])
    configs = admin.describe_configs([ConfigResource("topic", name)], config_filter="all")["topic"][name]
    admin.close()
    return partitions, configs["retention.ms"]["value"]


def test_it_makes_topics_and_their_dead_letters_with_partitions_and_retention(
    wanted: str, kafka_server: Server
) -> None:
    assert run()["created"] == [wanted, f"{wanted}.dlq"]

    assert state(kafka_server, wanted) == (3, str(168 * HOUR_MS))
    assert state(kafka_server, f"{wanted}.dlq") == (1, str(720 * HOUR_MS))


def test_a_second_run_finds_nothing_to_do(wanted: str) -> None:
    run()

    again = run("--apply")

    assert (again["created"], again["changed"], again["differences"]) == ([], [], [])


def test_the_worker_makes_them_alike(wanted: str) -> None:
    ensure_topics()

    told = run()
    assert (told["created"], told["differences"]) == ([], [])


def test_it_says_what_differs_and_changes_nothing_unasked(wanted: str, kafka_server: Server, settings: Any) -> None:
    run()
    settings.TOPICS, settings.TOPIC_RETENTION_HOURS = {wanted: 4}, {wanted: 24}

    told = said()

    assert f"{wanted} has 3 partitions, and 4 are wanted. A grown topic sends customers to other partitions" in told
    assert f"{wanted}: retention.ms is 168 h, and 24 h is wanted." in told
    assert "Add --apply" in told
    assert state(kafka_server, wanted) == (3, str(168 * HOUR_MS))


def test_apply_grows_partitions_and_sets_retention(wanted: str, kafka_server: Server, settings: Any) -> None:
    run()
    settings.TOPICS, settings.TOPIC_RETENTION_HOURS = {wanted: 4}, {wanted: 24}

    told = run("--apply")

    assert [one["what"] for one in told["changed"]] == ["partitions", "retention.ms"]
    assert told["differences"] == []
    assert state(kafka_server, wanted) == (4, str(24 * HOUR_MS))


def test_apply_never_takes_partitions_away(wanted: str, kafka_server: Server, settings: Any) -> None:
    run()
    settings.TOPICS = {wanted: 1}

    told = run("--apply")

    assert [one["can_apply"] for one in told["differences"]] == [False]
    assert "Kafka cannot take partitions away" in told["differences"][0]["sentence"]
    assert state(kafka_server, wanted)[0] == 3


def test_apply_never_moves_copies(wanted: str, settings: Any) -> None:
    run()
    settings.KAFKA_REPLICATION = 2

    told = run("--apply")

    assert told["changed"] == []
    assert {(one["what"], one["found"], one["wanted"]) for one in told["differences"]} == {("replication", "1", "2")}
    assert "kafka-reassign-partitions" in told["differences"][0]["sentence"]


def test_more_copies_than_brokers_are_refused_with_the_setting_to_change(wanted: str, settings: Any) -> None:
    settings.KAFKA_REPLICATION = 3

    with pytest.raises(CommandError, match=r"cannot keep 3 copies of a topic\. Set KAFKA_REPLICATION to at most"):
        run()


def test_dead_letters_are_kept_longer_than_any_topic(settings: Any) -> None:
    assert max(settings.TOPIC_RETENTION_HOURS.values()) < settings.DEAD_LETTER_RETENTION_HOURS
    assert settings.TOPIC_RETENTION_HOURS.keys() == settings.TOPICS.keys()


def test_with_three_copies_two_must_hold_a_message(settings: Any) -> None:
    settings.KAFKA_REPLICATION = 3

    assert topic_configs("payments")["min.insync.replicas"] == "2"


def test_without_kafka_it_is_one_sentence(settings: Any) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = [f"127.0.0.1:{free_port()}"]

    with pytest.raises(CommandError, match="Kafka does not answer"):
        run()
