"""The contract's words in kafka-python."""

import time
from collections.abc import Iterable
from typing import Any

import kafka
import kafka.admin

from .kafka_member import PATIENCE, Got, Member, Sent, patiently, wait_for


def keep_joining(consumer: Any) -> None:
    """Around a fault of kafka-python 3.0.12: a group's leader that rejoins because the topic's metadata changed, and
    whose poll ends between the answers to JoinGroup and SyncGroup, takes the join for finished: it never learns its
    partitions and stays silent for ever. As long as a join is pending, it still needs one."""
    coordinator = consumer._coordinator
    if coordinator is not None and coordinator._join_task is not None:
        coordinator.request_rejoin()


class KafkaPython:
    """kafka-python with its defaults: acks=all, idempotent."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def _admin(self) -> Any:
        return kafka.KafkaAdminClient(bootstrap_servers=self.bootstrap)

    def create(self, topic: str, partitions: int = 1, **configs: str) -> None:
        named = {name.replace("_", "."): value for name, value in configs.items()}
        admin = self._admin()
        admin.create_topics([kafka.admin.NewTopic(topic, partitions, 1, topic_configs=named)])
        wait_for(lambda: topic in admin.list_topics(), f"{topic} is created")
        admin.close()

    def delete(self, topic: str) -> None:
        admin = self._admin()
        admin.delete_topics([topic])
        wait_for(lambda: topic not in admin.list_topics(), f"{topic} is deleted")
        admin.close()

    def partitions(self, topic: str) -> int:
        admin = self._admin()
        described = admin.describe_topics([topic])
        admin.close()
        return len(described[0]["partitions"])

    def topics(self) -> set[str]:
        admin = self._admin()
        names = set(admin.list_topics())
        admin.close()
        return names

    def groups(self) -> set[str]:
        admin = self._admin()
        found = {group["group_id"] for group in admin.list_groups()}
        admin.close()
        return found

    def produce(self, topic: str, messages: Iterable[Sent], compression: str | None = None) -> list[tuple[int, int]]:
        producer = kafka.KafkaProducer(bootstrap_servers=self.bootstrap, compression_type=compression)
        futures = [
            producer.send(
                topic, key=m.key.encode(), value=m.value.encode(), partition=m.partition, timestamp_ms=m.timestamp
            )
            for m in messages
        ]
        sent = [future.get(PATIENCE) for future in futures]
        producer.close()
        return [(each.partition, each.offset) for each in sent]

    def send_large(self, topic: str, size: int) -> str:
        producer = kafka.KafkaProducer(bootstrap_servers=self.bootstrap, max_request_size=10 * size)
        try:
            producer.send(topic, value=b"x" * size).get(PATIENCE)
        except kafka.errors.KafkaError as error:
            return type(error).__name__
        finally:
            producer.close()
        return "taken"

    def _consumer(self, group: str | None) -> Any:
        return kafka.KafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False,
            heartbeat_interval_ms=200, session_timeout_ms=6000,
        )  # fmt: skip

    @staticmethod
    def _poll(consumer: Any, seconds: float = 0.2) -> list[Got]:
        keep_joining(consumer)
        polled = consumer.poll(int(seconds * 1000))
        return [
            Got(record.partition, record.offset, (record.key or b"").decode(), (record.value or b"").decode())
            for records in polled.values()
            for record in records
        ]

    def consume(self, topic: str, count: int, group: str | None = None) -> list[Got]:
        consumer = self._consumer(group)
        if group:
            consumer.subscribe([topic])
        else:
            consumer.assign([kafka.TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic))])
        got: list[Got] = []
        deadline = time.monotonic() + PATIENCE
        while len(got) < count and time.monotonic() < deadline:
            got += self._poll(consumer)
        if group:
            consumer.commit()
        consumer.close()
        return got

    def join(self, topic: str, group: str) -> Member:
        consumer = self._consumer(group)
        consumer.subscribe([topic])

        def poll() -> list[Got]:
            got = self._poll(consumer)
            if got:
                consumer.commit()
            return got

        return Member(poll, lambda: {tp.partition for tp in consumer.assignment()}, consumer.close)

    def committed(self, topic: str, group: str) -> dict[int, int]:
        admin = self._admin()
        offsets = patiently(
            lambda: admin.list_group_offsets([group])[group], lambda error: getattr(error, "retriable", False)
        )
        admin.close()
        return {tp.partition: at.offset for tp, at in offsets.items() if tp.topic == topic}

    def offset_at(self, topic: str, partition: int, timestamp: int) -> int | None:
        consumer = self._consumer(None)
        place = kafka.TopicPartition(topic, partition)
        found = consumer.offsets_for_times({place: timestamp})[place]
        consumer.close()
        return None if found is None else int(found.offset)

    def ends(self, topic: str, partition: int) -> tuple[int, int]:
        consumer = self._consumer(None)
        place = kafka.TopicPartition(topic, partition)
        ends = consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]
        consumer.close()
        return ends
