from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from apps.fraud.events import LabelEvent
from apps.payments.events import BehaviourEvent, InvalidEvent, OrderEvent, PaymentEvent, decode, encode
from kivendtout.lib.events import Message, outgoing, topics
from kivendtout.lib.events.avro_schema import avro_schema
from tests.events.registry_server import RegistryServer
from tests.events.wire import frame, schema_with, written
from tests.ingestion.messages import NOW, behaviour_event, order_event, payment_event

ENUM = {"type": "enum", "name": "Others", "symbols": ["cash", "card"]}
LABEL = LabelEvent(label_id="L1", payment_id="P1", is_fraud=True, source="chargeback", known_at=NOW)
SAMPLES = [
    ("payments", payment_event()),
    ("payments", payment_event(payment_country="FR", cart_at=NOW - timedelta(days=60), basket_size=3, ip_hash="é" * 9)),
    ("orders", order_event()),
    ("user-events", behaviour_event()),
    ("labels", LABEL),
]


def record(message: Message, **changed: Any) -> dict[str, Any]:
    found = msgspec.to_builtins(message, builtin_types=(datetime,)) | changed
    return {name: value for name, value in found.items() if value is not ...}


def refusal(raw: bytes) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as refused:
        decode(PaymentEvent, raw, now=NOW)
    return refused.value


@pytest.mark.parametrize(("topic", "message"), SAMPLES)
def test_a_message_comes_back_from_avro_as_from_json(registry: RegistryServer, topic: str, message: Message) -> None:
    raw = outgoing(topic, encode(message))

    assert raw[:1] == b"\0"
    assert decode(type(message), raw, now=NOW) == decode(type(message), encode(message), now=NOW) == message


def test_anybody_reads_what_we_write_by_the_schema_that_it_names(registry: RegistryServer) -> None:
    message = payment_event(payment_country="FR")
    raw = outgoing("payments", encode(message))

    schema = json.loads(registry.schemas[int.from_bytes(raw[1:5], "big") - 1]["schema"])
    found: Any = fastavro.schemaless_reader(BytesIO(raw[5:]), fastavro.parse_schema(schema), None)
    assert (found["amount"], found["payment_country"], found["os"]) == (message.amount, "FR", None)
    assert found["attempted_at"] == message.attempted_at
    assert registry.subjects.keys() == {"payments-value"}


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  its bounds have none
    st.from_regex(r"\A[0-9]{1,11}(\.[0-9]{1,2})?\Z"),
    st.text(st.characters(blacklist_categories=["Cs", "Cc"], max_codepoint=0x1FFFF, blacklist_characters="0123456789"),
            min_size=1, max_size=32),
)  # fmt: skip
@trying(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_times_amounts_and_texts_are_the_same_to_the_last_digit(
    registry: RegistryServer, at: datetime, amount: str, text: str
) -> None:
    message = payment_event(attempted_at=at, amount=amount, payment_id=text, os=text)

    assert decode(PaymentEvent, outgoing("payments", encode(message)), now=NOW) == message


@pytest.mark.parametrize(
    ("schema", "changed", "code", "said"),
    [
        ({}, {"amount": "1e3"}, "invalid", "amount must be a decimal written as text"),
        ({}, {"currency": "XXX"}, "invalid", "currency 'XXX' is not one that payments can be made in."),
        ({}, {"payment_id": "4111111111111111"}, "invalid", "payment_id holds what looks like a card number."),
        ({}, {"payment_id": "P\0"}, "invalid", "payment_id holds a control character or a NUL."),
        ({}, {"attempted_at": NOW + timedelta(days=2)}, "from_the_future", "attempted_at lies more than a day ahead."),
        ({}, {"schema_version": 7}, "unknown_version", "schema_version 7 is not known here; 1 is."),
        ({"method": ENUM}, {"method": "cash"}, "invalid", "method cannot be 'cash'."),
        ({"amount": ...}, {"amount": ...}, "invalid", "amount is missing."),
        ({"amount": "double"}, {"amount": 12.5}, "invalid", "amount must be a decimal written as text"),
        ({"attempted_at": "string"}, {"attempted_at": "today"}, "invalid", "attempted_at must be a time with its zone"),
    ],
)
def test_it_refuses_as_json_is_refused(
    registry: RegistryServer, schema: dict[str, Any], changed: dict[str, Any], code: str, said: str
) -> None:
    writer = schema_with(PaymentEvent, **schema)

    error = refusal(written(writer, record(payment_event(), **changed), registry.add(writer)))

    assert error.message.startswith(said), error.message
    assert error.code == code


def test_a_field_that_only_the_writer_knows_is_left_out(registry: RegistryServer) -> None:
    writer = schema_with(PaymentEvent, colour="string")
    raw = written(writer, record(payment_event(), colour="red"), registry.add(writer))

    assert decode(PaymentEvent, raw, now=NOW) == payment_event()


def test_a_writer_may_count_milliseconds(registry: RegistryServer) -> None:
    writer = schema_with(PaymentEvent, attempted_at={"type": "long", "logicalType": "timestamp-millis"})
    raw = written(writer, record(payment_event()), registry.add(writer))

    assert decode(PaymentEvent, raw, now=NOW) == payment_event()


def test_json_is_still_read_beside_it(registry: RegistryServer) -> None:
    assert decode(PaymentEvent, encode(payment_event()), now=NOW) == payment_event()
    assert registry.asked == []


@pytest.mark.parametrize(
    ("raw", "code", "said"),
    [
        (b"\0\0\0", "malformed", "The message begins as Avro and ends before the number of its schema."),
        (frame(9, b"x"), "unknown_schema", "The schema registry has no schema 9. Send by one that is registered."),
        (frame(1, b"\xff\xff"), "malformed", "The message does not follow schema 1, which it names."),
        (frame(1, b""), "malformed", "The message does not follow schema 1, which it names."),
    ],
)
def test_it_says_what_is_wrong_with_the_bytes(registry: RegistryServer, raw: bytes, code: str, said: str) -> None:
    registry.add(avro_schema(PaymentEvent))

    error = refusal(raw)

    assert (error.code, error.message) == (code, said)


def test_bytes_behind_the_record_are_refused(registry: RegistryServer) -> None:
    raw = outgoing("payments", encode(payment_event()))

    assert refusal(raw + b"\0").message == "The message is not one record of schema 1, which it names."


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "record", "name": "N", "fields": [{"name": "n", "type": ["null", "N"]}]}, "is recursive"),
        (schema_with(PaymentEvent, junk={"type": "array", "items": "null"}), "things without bytes"),
        (schema_with(PaymentEvent, junk={"type": "array", "items": {"type": "record", "name": "E", "fields": []}}),
         "things without bytes"),
        (schema_with(PaymentEvent, junk={"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}),
         "things without bytes"),
        ({"type": "nonsense"}, "is not Avro that can be read"),
        ([], "does not follow schema 1"),
        ("string", "not one record"),
        (17, "is not Avro that can be read"),
    ],
)  # fmt: skip
def test_nothing_is_read_by_a_schema_that_could_hurt(registry: RegistryServer, schema: Any, said: str) -> None:
    """Measured: fastavro recurses by a schema that holds itself until the process dies."""
    assert said in refusal(frame(registry.add(schema), b"\x02" * 150_000)).message


@pytest.mark.parametrize("more", [{"schemaType": "PROTOBUF"}, {"references": [{"name": "x"}]}])
def test_a_schema_of_another_kind_is_a_dead_letter(registry: RegistryServer, more: dict[str, Any]) -> None:
    number = registry.add(avro_schema(PaymentEvent), **more)

    assert refusal(frame(number, b"x")).code == "unknown_schema"


@given(st.binary(max_size=300), st.integers(0, 4))
@example(b"\x02" * 199_000, 1)
@trying(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
def test_no_bytes_do_more_than_be_refused(registry: RegistryServer, raw: bytes, number: int) -> None:
    if not registry.schemas:
        for kind in (PaymentEvent, OrderEvent, BehaviourEvent):
            registry.add(avro_schema(kind))
    for kind in (PaymentEvent, OrderEvent):
        try:
            decode(kind, frame(number, raw), now=NOW)
        except InvalidEvent as error:
            assert error.message.endswith(".")


def test_without_a_registry_avro_is_refused_with_what_to_set(settings: Any) -> None:
    settings.SCHEMA_REGISTRY_URL = None

    error = refusal(frame(1, b"x"))

    assert "Set SCHEMA_REGISTRY_URL or send JSON." in error.message
    assert outgoing("payments", b'{"a": 1}') == b'{"a": 1}'


def test_what_is_no_message_of_a_topic_goes_out_as_it_is(registry: RegistryServer) -> None:
    for topic, value in (("payments.dlq", encode(payment_event())), ("payments", b'{"junk"'), ("payments", b"{}")):
        assert outgoing(topic, value) == value
    assert registry.asked == []


@pytest.mark.parametrize("topic", topics(), ids=lambda topic: topic.name)
def test_every_topic_has_an_avro_schema(topic: Any) -> None:
    for kind in topic.versions.values():
        parsed: Any = fastavro.parse_schema(avro_schema(kind, topic.meanings))
        assert [field["name"] for field in parsed["fields"]] == list(kind.__struct_fields__)
