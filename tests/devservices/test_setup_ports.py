from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kivendtout.devservices.ports import is_free, pick, remembered


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_listening_port_is_not_free(busy_port: int) -> None:
    assert not is_free(busy_port)


def test_a_busy_preferred_port_gives_way_to_another_which_is_recorded(tmp_path: Path, busy_port: int) -> None:
    file = tmp_path / "ports.json"
    port = pick(file, "redis", preferred=busy_port)
    assert port != busy_port
    assert is_free(port)
    assert remembered(file) == {"redis": port}


def test_the_recorded_port_is_taken_again(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = pick(file, "redis", preferred=23456)
    assert pick(file, "redis", preferred=34567) == first


def test_three_brokers_get_three_neighbours(tmp_path: Path, busy_port: int) -> None:
    port = pick(tmp_path / "ports.json", "kafka", count=3, preferred=busy_port - 1)
    assert busy_port not in range(port, port + 3)


@pytest.mark.parametrize("text", ["", "{", "[1]", json.dumps({"redis": "no"})])
def test_an_unreadable_record_counts_as_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(text)
    assert remembered(file) == {}
