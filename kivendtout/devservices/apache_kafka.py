"""python -m kivendtout.devservices.apache_kafka --data DIR --port 9092 [--brokers 3]: real Apache Kafka, KRaft mode.

Brokers listen on PORT, PORT + 1, PORT + 2. It stays in the foreground and stops them on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import base64
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

KAFKA_VERSION = "4.1.0"
_LOG4J_VERSION = "2.24.3"  # the one this Kafka carries; only its bridge for SLF4J is missing from the dependencies
_OLDEST_JAVA = 17  # Kafka 4 brokers need it
_HEAP = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC"]  # three brokers must fit beside everything else on a laptop
_START_SECONDS = 90.0
_STOP_SECONDS = 15.0

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-libs</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>{_LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""
_LOG4J = """rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n
"""


class CannotStartError(Exception):
    """One sentence that says what to do."""


@dataclass(frozen=True)
class Cluster:
    data: Path
    libs: Path
    ports: list[int]
    controllers: list[int]

    def folder(self, node: int) -> Path:
        return self.data / f"broker-{node}"

    def java(self, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.data / 'log4j2.properties'}"
        return ["java", *_HEAP, logging, "-cp", f"{self.libs}/*", *arguments]

    def properties(self, node: int) -> str:
        port, controller = self.ports[node - 1], self.controllers[node - 1]
        voters = ",".join(f"{number}@127.0.0.1:{where}" for number, where in enumerate(self.controllers, 1))
        copies = len(self.ports)
        kept = "".join(
            f"{topic}.replication.factor={copies}\n" for topic in ("offsets.topic", "transaction.state.log",
            "share.coordinator.state.topic")
        )  # fmt: skip
        return kept + (
            f"process.roles=broker,controller\nnode.id={node}\n"
            f"controller.quorum.voters={voters}\ncontroller.listener.names=CONTROLLER\n"
            f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n"
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ninter.broker.listener.name=PLAINTEXT\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
            f"log.dirs={self.folder(node) / 'log'}\n"
            f"default.replication.factor={copies}\nmin.insync.replicas={min(2, copies)}\n"
            f"transaction.state.log.min.isr={min(2, copies)}\nshare.coordinator.state.topic.min.isr={min(2, copies)}\n"
            # As in the embedded broker: topics are made on purpose, and old events are kept.
            "auto.create.topics.enable=false\nlog.retention.ms=-1\n"
            # A development cluster: few internal partitions start sooner, and a group need not wait for latecomers.
            "offsets.topic.num.partitions=4\ntransaction.state.log.num.partitions=4\ngroup.initial.rebalance.delay.ms=0\n"
        )


def need_java() -> None:
    if shutil.which("java") is None:
        raise CannotStartError("Apache Kafka needs Java: install a JRE 17 or newer (openjdk-17-jre-headless).")
    shown = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', shown)
    if found is None or int(found[1]) < _OLDEST_JAVA:
        have = found[1] if found else "an unknown version"
        raise CannotStartError(f"Apache Kafka 4 needs Java 17 and this is {have}: install openjdk-17-jre-headless.")


def fetch(libs: Path) -> None:
    """The jars, through Maven as it is configured on this machine; nothing to do when they are there."""
    done = libs / f"kafka-{KAFKA_VERSION}.complete"
    if done.exists():
        return
    if shutil.which("mvn") is None:
        raise CannotStartError("Apache Kafka is fetched with Maven: install it (maven), or use the embedded broker.")
    libs.mkdir(parents=True, exist_ok=True)
    for stale in libs.glob("*.jar"):
        stale.unlink()
    pom = libs / "pom.xml"
    pom.write_text(_POM)
    print(f"fetching Apache Kafka {KAFKA_VERSION} with Maven (about 45 MB)", flush=True)
    command = ["mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    answer = subprocess.run([*command, f"-DoutputDirectory={libs}"], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        reason = next((line for line in answer.stdout.splitlines() if line.startswith("[ERROR]")), "no reason given")
        raise CannotStartError(
            f"Maven could not fetch Apache Kafka; check the network and its settings: {reason[:300]}"
        )
    done.touch()


def format_storage(cluster: Cluster) -> None:
    identity = cluster.data / "cluster-id"
    if not identity.exists():
        # A leading hyphen would read as an option on the command line, hence the letter in front.
        identity.write_text("K" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22])
    (cluster.data / "log4j2.properties").write_text(_LOG4J)
    for node in range(1, len(cluster.ports) + 1):
        cluster.folder(node).mkdir(exist_ok=True)
        settings = cluster.folder(node) / "server.properties"
        settings.write_text(cluster.properties(node))
        if (cluster.folder(node) / "log" / "meta.properties").exists():
            continue
        format_command = ["kafka.tools.StorageTool", "format", "-t", identity.read_text(), "-c", str(settings)]
        answer = subprocess.run(cluster.java(*format_command), capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            said = (answer.stderr or answer.stdout).strip().splitlines() or ["it said nothing"]
            raise CannotStartError(f"Kafka could not format {cluster.folder(node)}: {said[-1]}")


def start(cluster: Cluster) -> list[subprocess.Popen[bytes]]:
    brokers = []
    for node in range(1, len(cluster.ports) + 1):
        settings = cluster.folder(node) / "server.properties"
        with (cluster.folder(node) / "kafka.log").open("ab") as log:
            # A session of its own: Ctrl-C reaches this launcher only, which then stops the brokers in order.
            brokers.append(
                subprocess.Popen(
                    cluster.java("kafka.Kafka", str(settings)),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )
            )  # fmt: skip
    return brokers


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


def _free_ports(count: int) -> list[int]:
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
    cluster = Cluster(data, libs, ports, _free_ports(count))
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
