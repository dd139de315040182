"""Brokers as processes of their own: the embedded one and Apache Kafka, behind the same few words."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kivendtout.devservices import apache_kafka
from kivendtout.devservices.apache_kafka_files import Cluster, fetch, format_storage

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    module = "kafka_broker"
    start_seconds = 15.0

    def __init__(self, data: Path, *options: str, prepare: Callable[[], None] | None = None) -> None:
        self.data, self.port, self.options, self.prepare = data, free_port(), options, prepare
        self.process: subprocess.Popen[bytes] | None = None
        self.log = data.with_suffix(".log")

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> "Server":
        command = [sys.executable, "-m", f"kivendtout.devservices.{self.module}"]
        command += ["--port", str(self.port), "--data", str(self.data), *self.options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, preexec_fn=self.prepare)
        self._wait()
        return self

    def _wait(self) -> None:
        deadline = time.monotonic() + self.start_seconds
        while self.ready_word not in self.said():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the broker did not start: {self.said()}")
            time.sleep(0.05)

    ready_word = "listening on"

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process = None
        return code

    def restart(self, number: int = signal.SIGTERM) -> None:
        self.stop(number)
        self.start()


class ApacheServer(Server):
    module = "apache_kafka"
    ready_word = "Apache Kafka answers"
    start_seconds = 240.0  # the first start also fetches it


class ApacheCluster:
    """Three brokers, each a process that can be killed and brought back without the others."""

    def __init__(self, data: Path, libs: Path) -> None:
        fetch(libs)
        data.mkdir(parents=True, exist_ok=True)
        ports = apache_kafka.free_ports(6)
        self.cluster = Cluster(data, libs, ports[:3], ports[3:])
        format_storage(self.cluster)
        self.brokers: list[subprocess.Popen[bytes]] = []

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{port}" for port in self.cluster.ports)

    def start(self) -> None:
        self.brokers = apache_kafka.start(self.cluster)
        apache_kafka.wait_until_ready(self.cluster, self.brokers)

    def kill(self, node: int) -> None:
        """Nodes count from 1, as Kafka's own ids here do."""
        self.brokers[node - 1].kill()
        self.brokers[node - 1].wait(30)

    def bring_back(self, node: int) -> None:
        self.brokers[node - 1] = apache_kafka.start_broker(self.cluster, node)

    def stop(self) -> None:
        for broker in self.brokers:
            broker.kill()
            broker.wait(30)


def apache_libs() -> Path:
    """The same folder that the services use, so that the jars are fetched once."""
    return Path(os.environ.get("KAFKA_LIBS") or ROOT / ".services" / "tools" / "kafka")


def why_no_apache() -> str | None:
    if shutil.which("java") is None:
        return "Apache Kafka needs Java 17 or newer, and there is no java here"
    shown = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', shown)
    if found is None or int(found[1]) < 17:
        return "Apache Kafka needs Java 17 or newer, and the java here is older"
    if shutil.which("mvn") is None and not list(apache_libs().glob("*.complete")):
        return "Apache Kafka is fetched with Maven, and there is no mvn here"
    return None
