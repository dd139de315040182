"""A registry that is away holds a batch up; it buries nothing."""

from __future__ import annotations

import pytest

from apps.fraud.stream.batch import Batch, Raw, StoreAway
from apps.fraud.stream.work import DECIDING
from apps.payments.events import PaymentEvent, encode
from kivendtout.lib.events import outgoing
from tests.events.registry_server import RegistryServer
from tests.events.wire import frame
from tests.ingestion.messages import NOW, payment_event


def batch() -> Batch:
    return Batch(DECIDING, now=NOW, tenants={})


def raw(value: bytes, offset: int) -> Raw:
    return Raw("payments", 0, offset, b"C1", value, [], NOW.timestamp())


def test_the_batch_waits_and_is_read_when_the_registry_is_back(registry: RegistryServer) -> None:
    avro = outgoing("payments", encode(payment_event()))
    messages = [raw(encode(payment_event()), 0), raw(avro, 1)]
    registry.mood = (503, {})

    waiting = batch()
    with pytest.raises(StoreAway) as away:
        waiting.read(PaymentEvent, messages)
    assert away.value.dependency == "registry"
    assert waiting.result.dead == []

    registry.mood = None
    assert [one.message for one in batch().read(PaymentEvent, messages)] == [payment_event(), payment_event()]


def test_a_schema_that_the_registry_does_not_have_is_a_dead_letter_among_good_ones(registry: RegistryServer) -> None:
    found = batch()

    reads = found.read(PaymentEvent, [raw(frame(99, b"x"), 0), raw(encode(payment_event()), 1)])

    assert [one.raw.offset for one in reads] == [1]
    assert [(dead.code, dead.raw.offset) for dead in found.result.dead] == [("unknown_schema", 0)]
