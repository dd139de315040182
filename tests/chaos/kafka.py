"""The Kafka under attack: three brokers of Apache Kafka, or the embedded broker where there is no Java."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any, Protocol

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from kivendtout.devservices.apache_kafka_files import CannotStartError
from tests.devservices.kafka_servers import ApacheCluster, Server, apache_libs, why_no_apache
from tests.fraud.outages.servers import is_refused

# A broker recovers its logs, and fetches what it missed, on a machine that does everything else as well.
BACK_SECONDS = 120.0


class Kafka(Protocol):
    name: str
    nodes: int

    @property
    def bootstrap(self) -> str: ...
    def start(self) -> object: ...
    def kill(self, node: int) -> None: ...
    def bring_back(self, node: int) -> None: ...
    def is_whole(self) -> bool: ...
    def stop(self) -> object: ...


def best_kafka(folder: Path) -> tuple[Kafka, str]:
    """And why it is not Apache Kafka, if it is not."""
    if reason := why_no_apache():
        return Embedded(folder), reason
    try:
        return Apache(folder), ""
    except CannotStartError as error:  # its jars cannot be fetched here and now
        return Embedded(folder), str(error).rstrip(".")


class Apache(ApacheCluster):
    name, nodes = "Apache Kafka, three brokers", 3

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "kafka", apache_libs())

    def bring_back(self, node: int) -> None:
        """Until it is in step again: a controller takes seconds to notice a death, and calls it in step till then."""
        super().bring_back(node)
        deadline = time.monotonic() + BACK_SECONDS
        while is_refused(self.cluster.ports[node - 1]) or not self.is_whole():
            if time.monotonic() > deadline:
                raise TimeoutError(f"broker {node} was not in step after {BACK_SECONDS:.0f} s")
            time.sleep(0.3)

    def is_whole(self) -> bool:
        """Every partition has its three copies in step: another broker may die now."""
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap.split(","), bootstrap_timeout_ms=3_000)
        except (KafkaError, OSError):
            return False
        try:
            topics: list[dict[str, Any]] = admin.describe_topics(admin.list_topics())
            return all(len(one["isr_nodes"]) == 3 for topic in topics for one in topic["partitions"])
        except (KafkaError, OSError):
            return False
        finally:
            admin.close()


class Embedded(Server):
    name, nodes = "the embedded broker, one node", 1

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "kafka")

    def kill(self, node: int) -> None:
        self.stop(signal.SIGKILL)

    def bring_back(self, node: int) -> None:
        self.start()

    def is_whole(self) -> bool:
        return self.process is not None
