"""The quick way to read behaviour takes what the thorough one takes, and refuses what it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.fraud.stream import behaviour as reading
from apps.fraud.stream.behaviour import read_behaviour
from apps.payments.events import BehaviourEvent, encode
from kivendtout.lib.events import InvalidEvent, decode
from tests.ingestion.messages import AT, NOW, behaviour_event

GOOD = msgspec.json.decode(encode(behaviour_event(session_id="S1", product_id="P1", cart_value="12.50")))
TEXTS = [
    "plain",
    "é",
    "4111 1111 1111 1111",
    "4111111111111111",
    "1234567890123",
    "a\tb",
    "a\x7fb",
    "a\\b",
    "",
    "x" * 65,
]
TEXTS += ["\u2028", "😀", "a\0b", "  ", "0" * 40, "2025-12-01", "c0cd8113d0be423db3e8df45b931bb85"]


@dataclass(frozen=True)
class Sent:
    value: bytes


def fields_of(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in BehaviourEvent.__struct_fields__}


def thoroughly(value: bytes) -> dict[str, Any] | tuple[str, str]:
    try:
        return fields_of(decode(BehaviourEvent, value, now=NOW))
    except InvalidEvent as error:
        return error.code, error.message


def quickly(value: bytes) -> dict[str, Any] | tuple[str, str]:
    read = read_behaviour([Sent(value)], now=NOW)
    if read.dead:
        [(raw, error)] = read.dead
        assert raw.value == value
        return error.code, error.message
    return fields_of(read.events[0])


messages = st.dictionaries(
    st.sampled_from([*BehaviourEvent.__struct_fields__, "unknown"]),
    st.sampled_from([*TEXTS, None, 1, 1.5, [], "web_desktop", "9999-01-01T00:00:00Z", "1999-12-31T23:59:59Z"])
    | st.text(max_size=70),
    max_size=4,
).map(lambda changes: msgspec.json.encode(GOOD | changes))


@given(messages | st.binary(max_size=80) | messages.map(lambda value: value.replace(b'"', b'"\\u0034', 3)))
def test_both_ways_read_any_message_alike(value: bytes) -> None:
    assert quickly(value) == thoroughly(value)


@pytest.mark.parametrize("name", ["event_id", "customer_id", "session_id", "utm_source", "product_id", "payment_id"])
@pytest.mark.parametrize("text", TEXTS)
def test_every_text_is_looked_at(name: str, text: str) -> None:
    value = msgspec.json.encode(GOOD | {name: text})
    assert quickly(value) == thoroughly(value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"not json",
        b"\x00\x00\x00\x00\x01avro",
        b"[" * 5_000,
        b'{"event_id":"\\ud800"}',
        b'{"event_id":"\xff"}',
        b" " * 300_000,
        msgspec.json.encode(GOOD | {"customer_id": "4111 1111 1111 1111"}).replace(b"4", b"\\u0034"),
        msgspec.json.encode(GOOD) + b" " * 200_000,
        b"\n" + msgspec.json.encode(GOOD),
    ],
)
def test_what_hides_something_is_read_thoroughly(value: bytes) -> None:
    assert quickly(value) == thoroughly(value)


def test_an_ordinary_message_takes_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: object, **_more: object) -> None:
        raise AssertionError("the thorough reader was asked")

    monkeypatch.setattr(reading, "decode", never)
    assert quickly(encode(behaviour_event(ip_hash="d5f0b52468144c41", at=AT + timedelta(microseconds=5))))


def test_the_good_and_the_bad_are_told_apart_in_one_batch() -> None:
    sent = [Sent(encode(behaviour_event())), Sent(b"junk"), Sent(encode(behaviour_event(event_id="E2")))]
    read = read_behaviour(sent, now=NOW)
    assert [event.event_id for event in read.events] == ["E1", "E2"]
    assert read.raws == [sent[0], sent[2]]
    assert [raw for raw, _error in read.dead] == [sent[1]]
