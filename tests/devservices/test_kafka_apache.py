"""The Apache Kafka launcher: what it says when it cannot start, and three brokers when it can."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import kafka
import kafka.admin
import pytest

from .kafka_servers import ROOT, ApacheServer, apache_libs, free_port, why_no_apache


def launch(tmp_path: Path, commands: Path, port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kivendtout.devservices.apache_kafka"]
    command += ["--data", str(tmp_path / "data"), "--port", str(port)]
    return subprocess.run(
        command, cwd=ROOT, env={"PATH": str(commands)}, capture_output=True, text=True, timeout=30, check=False
    )


def pretend(folder: Path, name: str, says: str) -> None:
    """A command of that name that says one thing, on standard error as java does."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("java", "sentence"),
    [
        (None, "needs Java"),
        ('openjdk version "11.0.2" 2019-01-15', "needs Java 17 and this is 11"),
        ('java version "1.8.0_392"', "needs Java 17 and this is 8"),
        ('openjdk version "21.0.1" 2023-10-17', "fetched with Maven"),
    ],
)
def test_it_says_what_to_install(tmp_path: Path, java: str | None, sentence: str) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    if java:
        pretend(commands, "java", java)
    ended = launch(tmp_path, commands, free_port())
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def described(admin: kafka.KafkaAdminClient, topic: str, count: int) -> list[dict[str, Any]]:
    """A topic is created before every broker of a cluster has heard of it: ask until one that has answers."""
    deadline = time.monotonic() + 20
    while True:
        partitions: list[dict[str, Any]] = admin.describe_topics([topic])[0]["partitions"]
        if len(partitions) == count or time.monotonic() > deadline:
            return partitions
        time.sleep(0.2)


@pytest.mark.apache_kafka
@pytest.mark.slow
def test_three_brokers_hold_three_copies(tmp_path: Path) -> None:
    reason = why_no_apache()
    if reason:
        pytest.skip(reason)
    server = ApacheServer(tmp_path / "apache", "--libs", str(apache_libs()), "--brokers", "3")
    try:
        server.start()
        admin = kafka.KafkaAdminClient(bootstrap_servers=server.bootstrap)
        admin.create_topics([kafka.admin.NewTopic("copied", 2, 3)])
        partitions = described(admin, "copied", 2)
        admin.close()
        assert [sorted(partition["replica_nodes"]) for partition in partitions] == [[1, 2, 3], [1, 2, 3]]
    finally:
        assert server.stop() == 0
