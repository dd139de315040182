"""Starts the embedded Kafka-protocol broker, or real Apache Kafka when it is asked for."""

from __future__ import annotations

import os
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from kivendtout.devservices import processes
from kivendtout.devservices.envfile import update_env
from kivendtout.devservices.home import Home
from kivendtout.devservices.ports import pick
from kivendtout.devservices.readiness import wait_ready
from kivendtout.devservices.say import SetupError

API_VERSIONS = 18  # the one request that every broker answers before anything else is agreed
APACHE_PATIENCE = 120.0  # seconds: the first start fetches it and formats its storage


@dataclass(frozen=True)
class Choice:
    """`make services KAFKA=apache BROKERS=3`"""

    kind: str = "embedded"
    brokers: int = 1

    @classmethod
    def from_environment(cls) -> Choice:
        kind = os.environ.get("KAFKA") or "embedded"
        if kind not in {"embedded", "apache"}:
            raise SetupError(f"KAFKA is {kind!r}; use KAFKA=embedded or KAFKA=apache.")
        raw = os.environ.get("BROKERS") or "1"
        if raw not in {"1", "3"}:
            raise SetupError(f"BROKERS is {raw!r}; use BROKERS=1 or BROKERS=3.")
        return cls(kind, int(raw) if kind == "apache" else 1)

    @property
    def label(self) -> str:
        return self.kind if self.brokers == 1 else f"{self.kind}-{self.brokers}"


def pid_file(home: Home) -> Path:
    return home.run / "kafka.json"


def start(home: Home, choice: Choice) -> tuple[bool, str]:
    running = processes.read_pid(pid_file(home))
    if running is not None and running.kind != choice.label:
        stop(home)
        running = None
    port = running.port if running else _start(home, choice)
    servers = ",".join(f"127.0.0.1:{port + n}" for n in range(choice.brokers))
    update_env(home.env_file, {"KAFKA_BOOTSTRAP_SERVERS": servers})
    name = "Apache Kafka, " if choice.kind == "apache" else ""
    return running is None, f"{name}port {port}" + (f" to {port + choice.brokers - 1}" if choice.brokers > 1 else "")


def _start(home: Home, choice: Choice) -> int:
    port = pick(home.ports_file, "kafka", choice.brokers)
    data = home.services / f"kafka-{choice.label}"
    data.mkdir(mode=0o700, exist_ok=True)
    module = "kivendtout.devservices." + ("apache_kafka" if choice.kind == "apache" else "kafka_broker")
    command = [sys.executable, "-m", module, "--port", str(port), "--data", str(data)]
    if choice.kind == "apache":
        command += ["--libs", str(home.tools / "kafka"), "--brokers", str(choice.brokers)]
        home.tools.mkdir(exist_ok=True)
    log = home.logs / "kafka.log"
    before = processes.log_size(log)
    process = processes.start(command, pid_file=pid_file(home), log=log, cwd=home.root, kind=choice.label, port=port)
    patience = APACHE_PATIENCE if choice.kind == "apache" else 30.0
    ports = range(port, port + choice.brokers)
    wait_ready(
        "Kafka",
        lambda: all(speaks_kafka("127.0.0.1", p) for p in ports),
        process,
        log,
        pid_file(home),
        before,
        patience,
    )
    return port


def stop(home: Home) -> bool:
    return processes.stop(pid_file(home), patience=20.0)  # Apache Kafka hands over its partitions first


def speaks_kafka(host: str, port: int, timeout: float = 2.0) -> bool:
    """One ApiVersions request, version 0, without a client library."""
    correlation = 7
    header = struct.pack(">hhih", API_VERSIONS, 0, correlation, -1)
    try:
        with socket.create_connection((host, port), timeout=timeout) as link:
            link.sendall(struct.pack(">i", len(header)) + header)
            answer = link.recv(8, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == 8 and struct.unpack(">ii", answer)[1] == correlation
