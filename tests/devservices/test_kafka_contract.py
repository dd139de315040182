"""What the product needs of Kafka, asked with both clients of both brokers: the embedded one and Apache Kafka."""

import time
from typing import Any

import pytest

from .kafka_clients import Sent, wait_for
from .kafka_raw import Raw, batch
from .kafka_servers import Server

HOUR = 3_600_000


def test_a_topic_is_created_described_and_deleted(client: Any, topic: str) -> None:
    client.create(topic, 3)
    assert client.partitions(topic) == 3
    client.delete(topic)
    assert topic not in client.topics()


def test_a_topic_cannot_be_created_twice(client: Any, topic: str) -> None:
    client.create(topic)
    with pytest.raises(Exception, match=r"(?i)already.?exists"):
        client.create(topic)


def test_the_same_key_goes_to_the_same_partition(client: Any, topic: str) -> None:
    client.create(topic, 4)
    sent = client.produce(topic, [Sent(f"customer-{n % 20}", str(n)) for n in range(200)])
    places: dict[str, set[int]] = {}
    for number, (partition, _) in enumerate(sent):
        places.setdefault(f"customer-{number % 20}", set()).add(partition)
    assert all(len(partitions) == 1 for partitions in places.values())
    assert len({partition for partition, _ in sent}) > 1


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_messages_come_back_in_order(client: Any, topic: str, compression: str | None) -> None:
    client.create(topic, 2)
    sent = [Sent("k", f"value {n} é", partition=n % 2) for n in range(500)]
    client.produce(topic, sent, compression)
    got = client.consume(topic, 500)
    for partition in (0, 1):
        mine = [message for message in got if message.partition == partition]
        assert [message.offset for message in mine] == list(range(250))
        assert [message.value for message in mine] == [m.value for m in sent if m.partition == partition]


def test_a_group_goes_on_where_it_committed(client: Any, topic: str) -> None:
    client.create(topic, 2)
    group = f"group-{topic}"
    client.produce(topic, [Sent("k", str(n), partition=n % 2) for n in range(20)])
    assert len(client.consume(topic, 20, group)) == 20
    assert client.committed(topic, group) == {0: 10, 1: 10}
    client.produce(topic, [Sent("k", "new", partition=1)])
    assert [message.value for message in client.consume(topic, 1, group)] == ["new"]
    assert group in client.groups()


def test_two_members_share_the_partitions_and_one_takes_over_when_the_other_leaves(client: Any, topic: str) -> None:
    client.create(topic, 4)
    first = client.join(topic, f"group-{topic}")
    wait_for(lambda: first.partitions == {0, 1, 2, 3}, "the only member has everything")
    second = client.join(topic, f"group-{topic}")
    everything = {0, 1, 2, 3}
    wait_for(
        lambda: (
            len(first.partitions) == len(second.partitions) == 2 and first.partitions | second.partitions == everything
        ),
        "each member has two partitions",
    )
    client.produce(topic, [Sent("k", str(n), partition=n % 4) for n in range(40)])
    wait_for(lambda: len(first.got) + len(second.got) >= 40, "all messages arrived")
    assert sorted(int(m.value) for m in first.got + second.got) == list(range(40))
    second.leave()
    wait_for(lambda: first.partitions == everything, "the remaining member has everything again")
    first.leave()
    assert sum(client.committed(topic, f"group-{topic}").values()) == 40


def test_offsets_are_found_by_time(client: Any, topic: str) -> None:
    client.create(topic)
    start = int(time.time() * 1000) - 10 * HOUR
    client.produce(topic, [Sent("k", str(n), 0, start + n * 1000) for n in range(100)])
    assert client.ends(topic, 0) == (0, 100)
    assert client.offset_at(topic, 0, start - HOUR) == 0
    assert client.offset_at(topic, 0, start + 41_500) == 42
    assert client.offset_at(topic, 0, start + HOUR) is None


def test_a_message_over_the_limit_is_refused(client: Any, topic: str) -> None:
    client.create(topic, max_message_bytes="50000")
    assert client.send_large(topic, 100_000) == "MessageSizeTooLargeError"
    assert client.ends(topic, 0) == (0, 0)


def test_a_repeated_batch_of_an_idempotent_producer_is_stored_once(
    kafka_server: Server, client: Any, topic: str
) -> None:
    client.create(topic)
    with Raw(kafka_server.port) as raw:
        producer = raw.producer_id()
        first, second = batch("a", "b", producer=producer, sequence=0), batch("c", producer=producer, sequence=2)
        assert raw.produce(topic, first) == (0, 0)
        assert raw.produce(topic, first) == (0, 0)
        assert raw.produce(topic, second) == (0, 2)
        assert raw.produce(topic, first) == (0, 0)
        code, _ = raw.produce(topic, batch("late", producer=producer, sequence=9))
        assert code == 45  # out of order
    assert [message.value for message in client.consume(topic, 3)] == ["a", "b", "c"]
    assert client.ends(topic, 0) == (0, 3)


def test_a_damaged_batch_is_refused(kafka_server: Server, client: Any, topic: str) -> None:
    client.create(topic)
    damaged = bytearray(batch("the bits of this one flip on the way"))
    damaged[-1] ^= 0xFF
    with Raw(kafka_server.port) as raw:
        code, _ = raw.produce(topic, bytes(damaged))
    assert code == 2  # corrupt message
    assert client.ends(topic, 0) == (0, 0)


def test_an_unknown_topic_is_not_created_by_mistake(kafka_server: Server, client: Any, topic: str) -> None:
    with Raw(kafka_server.port) as raw:
        assert raw.produce(topic, batch("x"))[0] == 3  # unknown topic or partition
    assert topic not in client.topics()


def test_messages_and_commits_survive_a_restart(kafka_server: Server, client: Any, topic: str) -> None:
    client.create(topic, 2)
    client.produce(topic, [Sent("k", str(n), partition=n % 2) for n in range(20)])
    client.consume(topic, 20, f"group-{topic}")
    kafka_server.restart()
    assert client.partitions(topic) == 2
    assert client.committed(topic, f"group-{topic}") == {0: 10, 1: 10}
    assert len(client.consume(topic, 20)) == 20
    client.produce(topic, [Sent("k", "after", partition=0)])
    assert [message.value for message in client.consume(topic, 1, f"group-{topic}")] == ["after"]
