"""Apache Kafka's jars, fetched with Maven, and each broker's settings and storage."""

from __future__ import annotations

import base64
import fcntl
import re
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

KAFKA_VERSION = "4.1.0"
_LOG4J_VERSION = "2.24.3"  # the one this Kafka carries; only its bridge for SLF4J is missing from the dependencies
_OLDEST_JAVA = 17  # Kafka 4 brokers need it
# Three brokers must fit beside everything else on a laptop. The first compiler alone starts them in two thirds of the
# time, which matters more here than peak speed.
_JVM = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]

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
        return ["java", *_JVM, logging, "-cp", f"{self.libs}/*", *arguments]

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
    libs = libs.resolve()  # Maven takes a relative one from where its own file lies
    done = libs / f"kafka-{KAFKA_VERSION}.complete"
    if done.exists():
        return
    if shutil.which("mvn") is None:
        raise CannotStartError("Apache Kafka is fetched with Maven: install it (maven), or use the embedded broker.")
    libs.mkdir(parents=True, exist_ok=True)
    with (libs / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two launchers may share the folder
        if not done.exists():
            _copy_jars(libs)
            done.touch()


def _copy_jars(libs: Path) -> None:
    for stale in libs.glob("*.jar"):
        stale.unlink()
    pom = libs / "pom.xml"
    pom.write_text(_POM)
    print(f"fetching Apache Kafka {KAFKA_VERSION} with Maven (about 45 MB)", flush=True)
    command = ["mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    answer = subprocess.run([*command, f"-DoutputDirectory={libs}"], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        reason = next((line for line in answer.stdout.splitlines() if line.startswith("[ERROR]")), "no reason given")
        reason = re.sub(r"https?://\S+", "…", reason)
        raise CannotStartError(
            f"Maven could not fetch Apache Kafka; check the network and its settings: {reason[:300]}"
        )


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
