"""python -m kivendtout.devservices.apache_kafka --data DIR --port 9092 [--brokers 3]: real Apache Kafka, KRaft mode.

Brokers listen on PORT, PORT + 1, PORT + 2. It stays in the foreground and stops them on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from kivendtout.devservices.apache_kafka_files import CannotStartError, Cluster, fetch, format_storage, need_java

_START_SECONDS = 90.0
_STOP_SECONDS = 15.0


def start(cluster: Cluster) -> list[subprocess.Popen[bytes]]:
    return [start_broker(cluster, node) for node in range(1, len(cluster.ports) + 1)]


def start_broker(cluster: Cluster, node: int) -> subprocess.Popen[bytes]:
    settings = cluster.folder(node) / "server.properties"
    with (cluster.folder(node) / "kafka.log").open("ab") as log:
        # A session of its own: Ctrl-C reaches this launcher only, which then stops the brokers in order.
        return subprocess.Popen(
            cluster.java("kafka.Kafka", str(settings)),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def wait_until_ready(cluster: Cluster, brokers: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        check_alive(cluster, brokers)
        if all(_listens(port) for port in cluster.ports) and _answering(cluster) == len(cluster.ports):
            return
        time.sleep(0.3)
    raise CannotStartError(
        f"Apache Kafka did not answer in {_START_SECONDS:.0f} s; see {cluster.data}/broker-*/kafka.log"
    )


def check_alive(cluster: Cluster, brokers: list[subprocess.Popen[bytes]]) -> None:
    for node, broker in enumerate(brokers, 1):
        if broker.poll() is not None:
            raise CannotStartError(f"Kafka broker {node} ended; {cluster.folder(node) / 'kafka.log'} says why.")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answering(cluster: Cluster) -> int:
    try:
        admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{cluster.ports[0]}", bootstrap_timeout_ms=3000)
    except (KafkaError, OSError):
        return 0
    try:
        return len(admin.describe_cluster()["brokers"])
    except (KafkaError, OSError):
        return 0
    finally:
        admin.close()


def stop(brokers: list[subprocess.Popen[bytes]]) -> None:
    for broker in brokers:
        if broker.poll() is None:
            broker.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    for broker in brokers:
        try:
            broker.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            broker.kill()
            broker.wait()


def free_ports(count: int) -> list[int]:
    """Controllers may move between starts; only the brokers' ports are promised to anyone."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _prepare(data: Path, libs: Path, first_port: int, count: int) -> Cluster:
    need_java()
    fetch(libs)
    ports = list(range(first_port, first_port + count))
    for port in ports:
        if _listens(port):
            raise CannotStartError(f"Port {port} is in use; stop what uses it, or give another --port.")
    data.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(data, libs, ports, free_ports(count))
    format_storage(cluster)
    return cluster


class _Stopped(BaseException):
    """A request to stop, not an error: no handler of errors may swallow it."""


def _on_signal(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def main() -> int:
    parser = argparse.ArgumentParser(prog="apache_kafka", description="Real Apache Kafka for development.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--libs", type=Path, help="where the jars are kept (default: DATA/libs)")
    given = parser.parse_args()
    brokers: list[subprocess.Popen[bytes]] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _on_signal)
    try:
        data = given.data.resolve()
        cluster = _prepare(data, (given.libs or data / "libs").resolve(), given.port, given.brokers)
        brokers = start(cluster)
        wait_until_ready(cluster, brokers)
        print("Apache Kafka answers on " + ",".join(f"127.0.0.1:{port}" for port in cluster.ports), flush=True)
        while True:
            time.sleep(1.0)
            check_alive(cluster, brokers)
    except _Stopped:
        return 0
    except (CannotStartError, OSError) as error:
        print(f"apache_kafka: {error}", file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave brokers behind
        stop(brokers)


if __name__ == "__main__":
    sys.exit(main())
