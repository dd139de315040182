"""The two client libraries behind the same few words, so that one contract is asked of both."""

from .kafka_member import Sent, wait_for
from .kafka_with_confluent import Confluent
from .kafka_with_kafka_python import KafkaPython

CLIENTS = {"kafka-python": KafkaPython, "confluent-kafka": Confluent}

__all__ = ["CLIENTS", "Confluent", "KafkaPython", "Sent", "wait_for"]
