"""The contract's words in confluent-kafka."""

import time
from collections.abc import Iterable
from typing import Any

import confluent_kafka
import confluent_kafka.admin

from .kafka_member import PATIENCE, Got, Member, Sent, patiently, wait_for


def _not_yet(error: Exception) -> bool:
    return isinstance(error, confluent_kafka.KafkaException) and error.args[0].code() in {
        confluent_kafka.KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        confluent_kafka.KafkaError.COORDINATOR_NOT_AVAILABLE,
        confluent_kafka.KafkaError.NOT_COORDINATOR,
    }


class Confluent:
    """librdkafka, with the idempotent producer on."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": bootstrap})

    def create(self, topic: str, partitions: int = 1, **configs: str) -> None:
        named = {name.replace("_", "."): value for name, value in configs.items()}
        self._admin.create_topics([confluent_kafka.admin.NewTopic(topic, partitions, 1, config=named)])[topic].result()
        wait_for(lambda: topic in self.topics(), f"{topic} is created")

    def delete(self, topic: str) -> None:
        self._admin.delete_topics([topic])[topic].result()
        wait_for(lambda: topic not in self.topics(), f"{topic} is deleted")

    def partitions(self, topic: str) -> int:
        names = confluent_kafka.TopicCollection([topic])
        return len(self._admin.describe_topics(names)[topic].result().partitions)

    def topics(self) -> set[str]:
        return set(self._admin.list_topics(timeout=PATIENCE).topics)

    def groups(self) -> set[str]:
        return {group.group_id for group in self._admin.list_consumer_groups().result().valid}

    def produce(self, topic: str, messages: Iterable[Sent], compression: str | None = None) -> list[tuple[int, int]]:
        producer = confluent_kafka.Producer(
            {"bootstrap.servers": self.bootstrap, "enable.idempotence": True, "compression.type": compression or "none"}
        )
        reports: dict[int, Any] = {}
        for number, m in enumerate(messages):

            def report(error: Any, message: Any, number: int = number) -> None:
                reports[number] = error or (message.partition(), message.offset())

            options = {"partition": m.partition, "timestamp": m.timestamp}
            given = {name: value for name, value in options.items() if value is not None}
            producer.produce(topic, key=m.key, value=m.value, on_delivery=report, **given)
        assert producer.flush(PATIENCE) == 0
        return [reports[number] for number in sorted(reports)]

    def send_large(self, topic: str, size: int) -> str:
        producer = confluent_kafka.Producer({"bootstrap.servers": self.bootstrap, "message.max.bytes": 10 * size})
        reports: list[Any] = []
        producer.produce(topic, value=b"x" * size, on_delivery=lambda error, _: reports.append(error))
        producer.flush(PATIENCE)
        large = confluent_kafka.KafkaError.MSG_SIZE_TOO_LARGE
        return "MessageSizeTooLargeError" if reports[0] is not None and reports[0].code() == large else str(reports[0])

    def _consumer(self, group: str | None, **settings: str) -> Any:
        return confluent_kafka.Consumer({
            "bootstrap.servers": self.bootstrap, "group.id": group or "unused", "auto.offset.reset": "earliest",
            "enable.auto.commit": False, "session.timeout.ms": 6000, "heartbeat.interval.ms": 200, **settings,
        })  # fmt: skip

    @staticmethod
    def _poll(consumer: Any, seconds: float = 0.2) -> list[Got]:
        return [
            Got(m.partition(), m.offset(), (m.key() or b"").decode(), (m.value() or b"").decode())
            for m in consumer.consume(500, seconds)
            if not m.error()
        ]

    def consume(self, topic: str, count: int, group: str | None = None) -> list[Got]:
        consumer = self._consumer(group)
        if group:
            consumer.subscribe([topic])
        else:
            first = confluent_kafka.OFFSET_BEGINNING
            places = [confluent_kafka.TopicPartition(topic, n, first) for n in range(self.partitions(topic))]
            consumer.assign(places)
        got: list[Got] = []
        deadline = time.monotonic() + PATIENCE
        while len(got) < count and time.monotonic() < deadline:
            got += self._poll(consumer)
        if group and got:
            consumer.commit(asynchronous=False)
        consumer.close()
        return got

    def join(self, topic: str, group: str, **settings: str) -> Member:
        consumer = self._consumer(group, **settings)
        consumer.subscribe([topic])

        def poll() -> list[Got]:
            got = self._poll(consumer)
            if got:
                consumer.commit(asynchronous=False)
            return got

        return Member(poll, lambda: {tp.partition for tp in consumer.assignment()}, consumer.close)

    def committed(self, topic: str, group: str) -> dict[int, int]:
        """Through a consumer: the admin call ends the whole process when the coordinator is not ready yet."""
        consumer = self._consumer(group)
        places = [confluent_kafka.TopicPartition(topic, number) for number in range(self.partitions(topic))]
        try:
            found = patiently(lambda: consumer.committed(places, timeout=PATIENCE), _not_yet)
        finally:
            consumer.close()
        return {place.partition: place.offset for place in found if place.offset >= 0}

    def offset_at(self, topic: str, partition: int, timestamp: int) -> int | None:
        consumer = self._consumer(None)
        asked = [confluent_kafka.TopicPartition(topic, partition, timestamp)]
        offset = consumer.offsets_for_times(asked, timeout=PATIENCE)[0].offset
        end = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition), timeout=PATIENCE)[1]
        consumer.close()
        return None if offset < 0 or offset >= end else int(offset)

    def ends(self, topic: str, partition: int) -> tuple[int, int]:
        consumer = self._consumer(None)
        low, high = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition), timeout=PATIENCE)
        consumer.close()
        return low, high
