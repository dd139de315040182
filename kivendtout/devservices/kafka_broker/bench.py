"""python -m kivendtout.devservices.kafka_broker.bench --servers HOST:PORT: messages per second, in and out.

Works against any Kafka; the topic that it makes is deleted at the end. `--json` prints one object.
"""

import argparse
import importlib.util
import json
import os
import platform
import sys
import time
import uuid
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

_PARTITIONS = 6
_VALUE = json.dumps({
    "payment_id": "P0000001", "customer": "C00001", "amount": "129.90", "currency": "EUR", "merchant": "M001",
    "device": "d" * 16, "at": "2025-01-01T00:00:00Z", "country": "FR",
}).encode()  # fmt: skip


def produce_kafka_python(servers: str, topic: str, count: int) -> int:
    producer = KafkaProducer(bootstrap_servers=servers, linger_ms=20, batch_size=65536)
    futures = [producer.send(topic, key=b"%d" % (number % 1000), value=_VALUE) for number in range(count)]
    producer.flush()
    producer.close()
    return sum(1 for future in futures if future.exception is not None)


def produce_confluent(servers: str, topic: str, count: int) -> int:
    from confluent_kafka import Producer

    failed: list[Any] = []
    producer = Producer({
        "bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 20,
        "queue.buffering.max.messages": count + 1, "queue.buffering.max.kbytes": 2_000_000,
    })  # fmt: skip
    for number in range(count):
        producer.produce(
            topic, key=b"%d" % (number % 1000), value=_VALUE, on_delivery=lambda e, _: failed.append(e) if e else None
        )
        if number % 1000 == 0:
            producer.poll(0)
    return len(failed) + int(producer.flush(120))


def consume(servers: str, topic: str, count: int) -> int:
    consumer = KafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest", group_id=topic)
    got, deadline = 0, time.monotonic() + 120
    while got < count and time.monotonic() < deadline:
        got += sum(len(records) for records in consumer.poll(1000, max_records=5000).values())
    consumer.close()
    return got


def run(servers: str, count: int, client: str) -> dict[str, Any]:
    topic = f"bench-{uuid.uuid4().hex[:8]}"
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.create_topics([NewTopic(topic, _PARTITIONS, 1)])
    try:
        start = time.perf_counter()
        errors = (produce_confluent if client == "confluent" else produce_kafka_python)(servers, topic, count)
        produced = time.perf_counter()
        got = consume(servers, topic, count - errors)
        consumed = time.perf_counter()
    finally:
        admin.delete_topics([topic])
        admin.close()
    return {
        "client": client, "messages": count, "bytes_each": len(_VALUE), "errors": count - got,
        "produced_per_second": round(count / (produced - start)),
        "consumed_per_second": round(got / (consumed - produced)),
        "native_crc32c": importlib.util.find_spec("crc32c") is not None, "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1), "python": platform.python_version(),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="kafka_bench", description="Kafka messages per second, in and out.")
    parser.add_argument("--servers", default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"))
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--client", choices=("kafka-python", "confluent"), default="kafka-python")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = run(given.servers, given.count, given.client)
    if given.json:
        print(json.dumps(result))
    else:
        print("\n".join(f"{name:22} {value}" for name, value in result.items()))
    return 1 if result["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
