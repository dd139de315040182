import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .kafka_clients import CLIENTS
from .kafka_servers import ApacheServer, Server, apache_libs, why_no_apache


@pytest.fixture(scope="session")
def embedded_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("kafka") / "embedded").start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    reason = why_no_apache()
    if reason:
        pytest.skip(reason)
    server = ApacheServer(tmp_path_factory.mktemp("kafka") / "apache", "--libs", str(apache_libs()))
    try:
        server.start()
    except RuntimeError as error:
        server.stop()
        if "could not fetch" in str(error):
            pytest.skip(f"Apache Kafka could not be fetched: {error}")
        raise
    yield server
    server.stop()


@pytest.fixture(
    params=[
        pytest.param("embedded", marks=pytest.mark.xdist_group("kafka-embedded")),
        pytest.param("apache", marks=[pytest.mark.apache_kafka, pytest.mark.xdist_group("kafka-apache")]),
    ]
)
def kafka_server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(f"{request.param}_kafka")
    return server


@pytest.fixture(params=list(CLIENTS))
def client(request: pytest.FixtureRequest, kafka_server: Server) -> Any:
    return CLIENTS[request.param](kafka_server.bootstrap)


@pytest.fixture
def topic() -> str:
    return f"topic-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """An embedded broker that the test may stop, kill or starve."""
    started: list[Server] = []

    def start(*options: str, **more: Any) -> Server:
        server = Server(tmp_path / f"broker-{len(started)}", *options, **more)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()
