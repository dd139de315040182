"""What can go wrong around the embedded broker, and that nothing acknowledged is lost when it does."""

import os
import random
import resource
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import confluent_kafka
import kafka
import pytest
from kafka.protocol.admin import DescribeGroupsRequest
from kafka.protocol.consumer import JoinGroupRequest

from .kafka_clients import CLIENTS, Confluent, KafkaPython, Sent, wait_for
from .kafka_raw import Raw, batch
from .kafka_servers import ROOT, Server

Starter = Callable[..., Server]


@pytest.fixture(params=list(CLIENTS))
def kind(request: pytest.FixtureRequest) -> Any:
    return CLIENTS[request.param]


def segments(server: Server) -> list[Path]:
    return sorted((server.data / "topics").glob("*/*/*.log"))


def test_it_says_that_it_is_for_development_only(own_kafka: Starter) -> None:
    assert "for development and demos only" in own_kafka().said()


def produce_through_kafka_python(server: Server, topic: str, count: int, half: Callable[[], None]) -> None:
    producer = kafka.KafkaProducer(bootstrap_servers=server.bootstrap, linger_ms=1)
    futures = []
    for number in range(count):
        futures.append(producer.send(topic, value=str(number).encode(), partition=0))
        if number == count // 2:
            futures[0].get(20)
            half()
    assert [future.get(30).offset for future in futures] == list(range(count))
    producer.close()


def produce_through_confluent(server: Server, topic: str, count: int, half: Callable[[], None]) -> None:
    failed: list[Any] = []
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": server.bootstrap,
            "enable.idempotence": True,
            "linger.ms": 1,
            "reconnect.backoff.max.ms": 200,
        }
    )
    for number in range(count):
        producer.produce(
            topic, value=str(number), partition=0, on_delivery=lambda e, _: failed.append(e) if e else None
        )
        if number == count // 2:
            producer.poll(0.5)
            half()
    assert producer.flush(30) == 0
    assert failed == []


def test_a_kill_in_full_flow_loses_nothing_and_doubles_nothing(own_kafka: Starter, kind: Any, topic: str) -> None:
    server = own_kafka()
    kind(server.bootstrap).create(topic)
    produce = produce_through_kafka_python if kind is KafkaPython else produce_through_confluent
    count = 4000 if kind is KafkaPython else 40_000
    killer = threading.Thread(target=server.restart, args=[signal.SIGKILL])
    produce(server, topic, count, killer.start)
    killer.join()
    got = kind(server.bootstrap).consume(topic, count)
    assert [int(message.value) for message in got] == list(range(count))


def test_a_torn_tail_is_cut_at_the_last_whole_batch(own_kafka: Starter, kind: Any, topic: str) -> None:
    server = own_kafka()
    client = kind(server.bootstrap)
    client.create(topic)
    client.produce(topic, [Sent("k", "whole")])
    server.stop(signal.SIGKILL)
    with segments(server)[0].open("ab") as log:
        log.write(batch("torn")[:-3])
    server.start()
    assert "torn tail" in server.said()
    assert client.produce(topic, [Sent("k", "next")]) == [(0, 1)]
    assert [message.value for message in client.consume(topic, 2)] == ["whole", "next"]


def test_a_producer_is_still_known_after_a_kill(own_kafka: Starter, topic: str) -> None:
    server = own_kafka()
    KafkaPython(server.bootstrap).create(topic)
    with Raw(server.port) as raw:
        producer = raw.producer_id()
        assert raw.produce(topic, batch("a", "b", producer=producer, sequence=0)) == (0, 0)
    server.restart(signal.SIGKILL)
    with Raw(server.port) as raw:
        assert raw.produce(topic, batch("a", "b", producer=producer, sequence=0)) == (0, 0)
        assert raw.produce(topic, batch("c", producer=producer, sequence=2)) == (0, 2)
        assert raw.producer_id()[0] > producer[0]


NONSENSE = {
    "a web request": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a huge length": struct.pack(">i", 2**31 - 1) + b"x" * 100,
    "a negative length": struct.pack(">i", -5) + b"x" * 100,
    "a stranger's large frame": struct.pack(">i", 10_000_000) + b"x" * 100,
    "an unknown request": struct.pack(">ihhi", 100, 999, 0, 1) + b"x" * 92,
    "noise in a frame": struct.pack(">ihhi", 200, 3, 9, 1) + random.Random(7).randbytes(192),
}


@pytest.mark.parametrize("what", list(NONSENSE))
def test_nonsense_closes_its_connection_and_nothing_else(embedded_kafka: Server, what: str, topic: str) -> None:
    client = Confluent(embedded_kafka.bootstrap)
    client.create(topic)
    with Raw(embedded_kafka.port) as raw:
        raw.send(NONSENSE[what])
        assert raw.is_closed_by_the_broker()
    assert len(client.produce(topic, [Sent("k", "still here")])) == 1


def test_random_bodies_of_every_request_neither_kill_it_nor_eat_memory(own_kafka: Starter, topic: str) -> None:
    server = own_kafka()
    noise = random.Random(20261)
    before = memory(server)
    for key in range(70):
        for version in range(0, 14, 3):
            with Raw(server.port) as raw:
                body = noise.randbytes(noise.randrange(200))
                raw.send(struct.pack(">ihhih", 10 + len(body), key, version, 1, 0) + body)
    assert memory(server) - before < 60_000_000
    KafkaPython(server.bootstrap).create(topic)


def memory(server: Server) -> int:
    assert server.process is not None
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_a_full_disk_is_told_to_the_producer_and_spoils_nothing(own_kafka: Starter, topic: str) -> None:
    limit = 60_000  # bytes a file may have; going over it fails as on a full disk, in the middle of a write
    server = own_kafka(prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    KafkaPython(server.bootstrap).create(topic)
    with Raw(server.port) as raw:
        codes = [raw.produce(topic, batch("x" * 25_000))[0] for _ in range(4)]
        assert codes == [0, 0, 56, 56]  # storage error
        assert raw.produce(topic, batch("small"))[0] == 0
    got = KafkaPython(server.bootstrap).consume(topic, 3)
    assert [len(message.value) for message in got] == [25_000, 25_000, 5]


def test_a_member_that_falls_silent_is_dropped(own_kafka: Starter) -> None:
    server = own_kafka("--shortest-session-ms", "100")
    with Raw(server.port) as raw:
        assert join(raw).error_code == 0
        wait_for(lambda: state(raw) == "Empty", "the silent member is gone", 5.0)
        assert join(raw).generation_id > 1


def join(raw: Raw) -> Any:
    protocols = [JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"")]
    return raw.ask(
        JoinGroupRequest[3](
            group_id="g", session_timeout_ms=300, rebalance_timeout_ms=2000, member_id="", protocol_type="consumer",
            protocols=protocols,
        )
    )  # fmt: skip


def state(raw: Raw) -> str:
    described = raw.ask(DescribeGroupsRequest[3](groups=["g"], include_authorized_operations=False))
    return str(described.groups[0].group_state)


def test_cooperative_members_keep_what_they_have(embedded_kafka: Server, topic: str) -> None:
    client = Confluent(embedded_kafka.bootstrap)
    client.create(topic, 4)
    cooperative = {"partition.assignment.strategy": "cooperative-sticky"}
    first = client.join(topic, f"group-{topic}", **cooperative)
    wait_for(lambda: len(first.partitions) == 4, "the only member has everything")
    second = client.join(topic, f"group-{topic}", **cooperative)
    wait_for(lambda: len(first.partitions) == len(second.partitions) == 2, "each member has two partitions")
    first.leave()
    wait_for(lambda: len(second.partitions) == 4, "the remaining member has everything")
    second.leave()


@pytest.mark.parametrize("same", ["port", "data"])
def test_a_second_broker_in_the_same_place_says_so(own_kafka: Starter, tmp_path: Path, same: str) -> None:
    server = own_kafka()
    port = server.port if same == "port" else 0
    data = server.data if same == "data" else tmp_path / "other"
    command = [sys.executable, "-m", "kivendtout.devservices.kafka_broker", "--port", str(port), "--data", str(data)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert len(ended.stderr.strip().splitlines()) == 1
