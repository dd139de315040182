"""How the stream does, read from real brokers and a real outbox."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer
from django.core.management import call_command
from django.db import OperationalError, connection
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.errors import CoordinatorNotAvailableError
from kafka.structs import OffsetAndMetadata

from apps.compliance.models import Tenant
from apps.fraud.models import Outbox, OutboxLane
from apps.fraud.selectors import stream_kafka
from apps.fraud.selectors.stream_figures import GroupStatus
from apps.fraud.selectors.stream_kafka import GROUPS, kafka_status
from apps.fraud.selectors.stream_status import outbox_status, stream_status
from apps.fraud.stream.work import WORKS
from kivendtout.lib.kafka import ensure_topics
from tests.devservices.kafka_servers import ApacheServer, Server, apache_libs, free_port, why_no_apache

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if reason := why_no_apache():
        pytest.skip(reason)
    server = ApacheServer(tmp_path_factory.mktemp("status") / "apache", "--libs", str(apache_libs()))
    yield server.start()
    server.stop()


@pytest.fixture(
    params=["broker", pytest.param("apache", marks=[pytest.mark.apache_kafka, pytest.mark.xdist_group("kafka-apache")])]
)
def kafka(request: pytest.FixtureRequest) -> Server:
    """The embedded broker, then Apache Kafka."""
    server: Server = request.getfixturevalue(request.param)
    return server


class Group:
    """Topics and a group of this test's own: what is sent to them, what the group has read, who is in it."""

    def __init__(self, server: Server) -> None:
        mark = uuid.uuid4().hex[:8]
        self.bootstrap, self.name = server.bootstrap, f"g-{mark}"
        self.payments, self.orders = f"payments-{mark}", f"orders-{mark}"
        self.members: list[Consumer] = []

    @property
    def reads(self) -> dict[str, list[str]]:
        return {self.name: [self.payments, self.orders]}

    @property
    def status(self) -> GroupStatus:
        [found] = kafka_status(now=NOW, groups=self.reads).groups
        return found

    def send(self, topic: str, partition: int, *ages: float) -> None:
        producer = KafkaProducer(bootstrap_servers=self.bootstrap)
        for age in ages:
            sent_ms = int((NOW.timestamp() - age) * 1000)
            producer.send(topic, b"{}", partition=partition, timestamp_ms=sent_ms).get(timeout=30)
        producer.close()

    def has_read(self, topic: str, partition: int, up_to: int) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        offsets = {TopicPartition(topic, partition): OffsetAndMetadata(up_to, "", -1)}
        for tries in range(60):  # a cluster that has just started makes its topic of offsets when it is first asked
            try:
                admin.alter_group_offsets(self.name, offsets)
                break
            except CoordinatorNotAvailableError:
                assert tries < 59
                time.sleep(0.5)
        admin.close()

    def join(self, client_id: str) -> None:
        """As a stream worker joins: librdkafka, partitions shared out cooperatively."""
        member = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": self.name,
                "client.id": client_id,
                "partition.assignment.strategy": "cooperative-sticky",
                "enable.auto.commit": False,
            }
        )
        member.subscribe([self.payments, self.orders])
        self.members.append(member)
        for _try in range(120):
            for one in self.members:
                one.poll(0.1)
            if all(one.assignment() for one in self.members) and self.status.state == "Stable":
                return
        raise AssertionError("the group did not settle")


@pytest.fixture
def group(kafka: Server, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    found = Group(kafka)
    settings.KAFKA_BOOTSTRAP_SERVERS = [kafka.bootstrap]
    settings.TOPICS = {found.payments: 2, found.orders: 1}
    ensure_topics()
    monkeypatch.setattr("apps.fraud.selectors.stream_status.GROUPS", found.reads)
    yield found
    for member in found.members:
        member.close()


def lags(status: GroupStatus) -> dict[str, int]:
    return {f"{one.topic}[{part.partition}]": part.lag for one in status.topics for part in one.partitions}


# --- Kafka ------------------------------------------------------------------------------------------------------------
def test_lag_is_what_the_group_has_not_read_of_each_partition(group: Group) -> None:
    group.send(group.payments, 0, 5, 5, 5)
    group.send(group.payments, 1, 5)
    group.has_read(group.payments, 0, 1)
    group.has_read(group.payments, 1, 1)
    status = group.status
    assert lags(status) == {f"{group.payments}[0]": 2, f"{group.payments}[1]": 0, f"{group.orders}[0]": 0}
    assert status.lag == 2
    first = next(one for one in status.topics if one.topic == group.payments).partitions[0]
    assert (first.committed, first.end) == (1, 3)


def test_what_a_new_group_has_never_read_is_all_lag(group: Group) -> None:
    group.send(group.orders, 0, 1, 1)
    status = group.status
    assert status.lag == 2
    assert [part.committed for one in status.topics for part in one.partitions] == [None, None, None]


def test_the_time_behind_is_the_age_of_the_oldest_unread_message(group: Group) -> None:
    group.send(group.payments, 0, 4_000, 90, 30)
    group.send(group.orders, 0, 400, 10)
    group.has_read(group.payments, 0, 1)
    group.has_read(group.orders, 0, 1)
    status = group.status
    assert {one.topic: one.behind_seconds for one in status.topics} == {group.payments: 90.0, group.orders: 10.0}
    assert status.behind_seconds == 90.0


def test_a_group_that_has_read_everything_is_not_behind(group: Group) -> None:
    group.send(group.orders, 0, 4_000)
    group.has_read(group.orders, 0, 1)
    assert (group.status.lag, group.status.behind_seconds) == (0, 0.0)


def test_members_are_told_with_what_they_read(group: Group) -> None:
    assert group.status.members == []
    group.join("worker-a")
    assert [(one.client_id, len(one.partitions)) for one in group.status.members] == [("worker-a", 3)]
    group.join("worker-b")
    status = group.status
    assert [one.client_id for one in status.members] == ["worker-a", "worker-b"]
    assert sorted(place for one in status.members for place in one.partitions) == sorted(lags(status))
    assert status.unread == []
    assert {part.member for one in status.topics for part in one.partitions} == {"worker-a", "worker-b"}


def test_dead_letters_are_counted_by_topic(group: Group) -> None:
    group.send(f"{group.orders}.dlq", 0, 1, 1)
    found = kafka_status(now=NOW, groups=group.reads).dead_letters
    assert found == {
        f"{group.orders}.dlq": 2,
        f"{group.payments}.dlq": 0,
    }


def test_a_topic_that_is_not_there_is_named(group: Group) -> None:
    status = kafka_status(now=NOW, groups={group.name: [group.orders, "never-made"]})
    assert status.missing == ["never-made", "never-made.dlq"]
    assert [one.topic for one in status.groups[0].topics] == [group.orders]


def test_two_groups_of_one_topic_are_told_apart(group: Group) -> None:
    group.send(group.orders, 0, 60, 30)
    group.has_read(group.orders, 0, 2)
    other = f"{group.name}-other"
    status = kafka_status(now=NOW, groups={group.name: [group.orders], other: [group.orders]})
    assert {one.group: (one.lag, one.behind_seconds) for one in status.groups} == {
        group.name: (0, 0.0),
        other: (2, 60.0),
    }
    assert (status.lag, status.behind_seconds) == (2, 60.0)


def test_it_asks_for_the_groups_and_the_topics_of_the_workers() -> None:
    assert {name: sorted(topics) for name, topics in GROUPS.items()} == {
        work.group: sorted(work.topics) for work in WORKS
    }


# --- the outbox -------------------------------------------------------------------------------------------------------
def waiting(tenant: Tenant, topic: str, messages: int, age: float) -> None:
    packed = msgspec.msgpack.encode([("C1", b"{}", "")] * messages)
    created = NOW - timedelta(seconds=age)
    Outbox.objects.create(tenant=tenant, topic=topic, messages=packed, created_at=created)


@pytest.mark.parametrize("messages", [1, 15, 16, 300, 65_535, 65_536])
def test_messages_are_counted_without_unpacking_a_row(in_tenant: Tenant, messages: int) -> None:
    waiting(in_tenant, "decisions", messages, 5)
    assert [(one.lane, one.rows, one.messages) for one in outbox_status(now=NOW)] == [("decisions", 1, messages)]


def test_lanes_are_told_with_the_age_of_their_oldest_row(in_tenant: Tenant) -> None:
    assert outbox_status(now=NOW) == []
    waiting(in_tenant, "decisions", 3, 120)
    waiting(in_tenant, "decisions", 4, 60)
    waiting(in_tenant, "fraud-alerts", 1, -5)  # written by a clock ahead of ours
    found = {one.lane: (one.rows, one.messages, one.oldest_seconds) for one in outbox_status(now=NOW)}
    assert found == {"decisions": (2, 7, 120.0), "fraud-alerts": (1, 1, 0.0)}


def test_a_destination_that_refuses_is_told_with_its_error_and_next_try(in_tenant: Tenant) -> None:
    waiting(in_tenant, "decisions", 3, 120)
    refused = {"attempts": 4, "failed_since": NOW - timedelta(minutes=2), "next_try_at": NOW + timedelta(seconds=9)}
    OutboxLane.objects.create(topic="decisions", last_error="_MSG_TIMED_OUT", **refused)
    OutboxLane.objects.create(topic="labels")  # took what it was given: not worth a line
    [lane] = outbox_status(now=NOW)
    assert (lane.lane, lane.messages, lane.last_error) == ("decisions", 3, "_MSG_TIMED_OUT")
    assert (lane.attempts, lane.failed_since, lane.next_try_at) == tuple(refused.values())


def test_the_outbox_of_every_tenant_counts(in_tenant: Tenant, neighbour: Tenant) -> None:
    waiting(in_tenant, "decisions", 1, 1)
    waiting(neighbour, "decisions", 2, 1)
    assert [one.messages for one in outbox_status(now=NOW)] == [3]


# --- the whole, and the command ---------------------------------------------------------------------------------------
@pytest.fixture
def kafka_is_away(settings: Any) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = [f"127.0.0.1:{free_port()}"]


def command(*options: str) -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("stream_status", *options, stdout=out)
    except SystemExit as ended:
        return out.getvalue(), int(str(ended.code))
    return out.getvalue(), 0


def test_while_kafka_is_away_the_outbox_is_shown_all_the_same(in_tenant: Tenant, kafka_is_away: None) -> None:
    waiting(in_tenant, "decisions", 7, 3)
    status = stream_status(now=NOW)
    assert status.kafka is None
    assert [one.messages for one in status.outbox or []] == [7]
    text, exit_status = command()
    assert exit_status == 1
    assert "Kafka does not answer" in text
    assert "decisions" in text


def test_while_postgresql_is_away_kafka_is_shown_all_the_same(
    db: None, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(connection, "cursor", refuse)
        status = stream_status(now=NOW, groups=group.reads)
    assert status.outbox is None
    assert status.kafka is not None
    assert not status.known


def test_the_command_ends_well_when_everything_could_be_read(db: None, group: Group) -> None:
    group.send(group.orders, 0, 60)
    text, exit_status = command("--json")
    told = json.loads(text)
    assert exit_status == 0
    assert told["known"] is True
    assert told["kafka"]["lag"] == 1
    assert [one["code"] for one in told["advice"]] == ["no_worker"]
    text, exit_status = command()
    assert exit_status == 0
    assert f"{group.orders}[0]" in text
    assert "No stream worker is there" in text


def test_the_command_ends_badly_when_a_topic_is_missing(
    db: None, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.fraud.selectors.stream_status.GROUPS", {group.name: ["never-made"]})
    text, exit_status = command()
    assert exit_status == 1
    assert "never-made" in text


def test_what_a_broker_does_not_tell_in_time_is_said_to_be_unknown(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_kafka, "LOOK_SECONDS", 0.0)
    group.send(group.orders, 0, 60)
    assert (group.status.lag, group.status.behind_seconds) == (1, None)
