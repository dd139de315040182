"""What becomes of messages that cannot be used: whatever they were, a letter that says why and holds no card number."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.fraud.services.letter import CODES
from apps.fraud.stream.dead_letters import MOST_BYTES, Dead, dead_letter_of
from kivendtout.lib.kafka_native import drop_native_producer, make_native_producer
from tests.stream.conftest import TRACEPARENT
from tests.stream.raw import Raw

NOON = datetime(2025, 12, 1, 12, 0, tzinfo=UTC)
CARD = "4111 1111 1111 1111"


def raw(value: bytes = b"{}", *, key: bytes | None = b"C1", topic: str = "payments", **headers: bytes | None) -> Raw:
    return Raw(topic, 2, 55, key, value, list(headers.items()))


def letter_of(message: Raw, reason: str = "It is of no use.", code: str = "invalid") -> Dead:
    return dead_letter_of(message, reason, code, failed_at=NOON)


def test_a_letter_says_what_failed_where_and_when() -> None:
    dead = letter_of(raw(b'{"a": 1}', tenant=b"kivendtout", traceparent=TRACEPARENT.encode()), code="unknown_version")

    assert (dead.topic, dead.key, dead.value) == ("payments.dlq", b"C1", b'{"a": 1}')
    assert dict(dead.headers) == {
        "reason": b"It is of no use.",
        "code": b"unknown_version",
        "source": b"payments[2]@55",
        "failed_at": b"2025-12-01T12:00:00+00:00",
        "retries": b"0",
        "tenant": b"kivendtout",
        "traceparent": TRACEPARENT.encode(),
    }


def test_a_message_that_was_sent_again_says_how_often() -> None:
    assert dict(letter_of(raw(retries=b"3")).headers)["retries"] == b"3"
    assert dict(letter_of(raw(retries=b"a lot")).headers)["retries"] == b"0"


@pytest.mark.parametrize(
    "value",
    [
        f'{{"note": "{CARD}"}}'.encode(),
        b'{"number": 4111111111111111}',
        b'{"note": "\\u0034111111111111111"}',
        b'{"note": "4111\\u002d1111\\u00201111 1111"}',
        f"card: {CARD}".encode("utf-16-le"),
        b"\x00\x00\x00\x00\x07\x02 4111111111111111 \x02",
        b"\xff\xfe not a text 4111-1111-1111-1111 \x80",
        f'{{"one": "{CARD}", "two": "\\u0034111111111111111"}}'.encode(),
    ],
)
def test_no_letter_holds_a_card_number(value: bytes) -> None:
    dead = letter_of(raw(value))

    said = dead.value.replace(b"\0", b"")
    assert b"1111" not in said and b"card number removed" in said
    assert dict(dead.headers)["masked"] == b"value"


def test_what_is_no_text_stays_as_it_is() -> None:
    value = b"\x00\x00\x00\x00\x07\x02\xff\xfe\x80" + bytes(range(256))
    dead = letter_of(raw(value))
    assert dead.value == value
    assert "masked" not in dict(dead.headers)


def test_a_card_number_in_a_header_or_a_key_is_not_kept() -> None:
    dead = letter_of(raw(key=CARD.encode(), tenant=CARD.encode(), other=CARD.encode()), f"Not {CARD}.")
    assert dead.key is None
    assert dict(dead.headers)["masked"] == b"key"
    assert b"1111" not in b"".join(value for _name, value in dead.headers)


def test_a_letter_is_cut_to_what_a_topic_takes() -> None:
    dead = letter_of(raw(b"x" * 1_048_000, key=b"k" * 5_000, tenant=b"t" * 5_000), "r" * 50_000)
    headers = dict(dead.headers)
    assert (len(dead.value), dead.key) == (MOST_BYTES, None)
    assert (headers["cut"], headers["bytes"]) == (b"value,key", b"1048000")
    assert sum(len(name) + len(value) + 10 for name, value in dead.headers) + len(dead.value) < 1_048_576


def test_a_kind_of_fault_that_nobody_knows_is_filed_as_invalid() -> None:
    assert dict(letter_of(raw(), code="\x00strange").headers)["code"] == b"invalid"
    for code in CODES:
        assert dict(letter_of(raw(), code=code).headers)["code"] == code.encode()


anything = st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))


@given(
    value=anything,
    key=st.none() | anything,
    headers=st.lists(
        st.tuples(st.sampled_from(["tenant", "traceparent", "retries", "other"]), st.none() | anything), max_size=5
    ),
    reason=st.text(max_size=100),
    code=st.text(max_size=10) | st.sampled_from(sorted(CODES)),
)
@example(value=b"\\u00", key=b"\xff", headers=[("retries", b"\xb2")], reason="\ud800\x00", code="")
def test_whatever_comes_in_a_letter_comes_out(
    value: bytes, key: bytes | None, headers: list[tuple[str, bytes | None]], reason: str, code: str
) -> None:
    dead = dead_letter_of(Raw("payments", 0, 1, key, value, headers), reason, code, failed_at=NOON)

    assert all(isinstance(one, bytes) for _name, one in dead.headers)
    assert {"reason", "code", "source", "failed_at", "retries"} <= {name for name, _value in dead.headers}
    if "masked" not in dict(dead.headers):
        assert (dead.value, dead.key) == (value, key)


def test_a_producer_takes_the_largest_letter() -> None:
    letter = letter_of(raw(b"x" * 2_000_000), "It is too large. " * 100)
    producer = make_native_producer()
    # It asks no broker: a message that is too large is refused before it is sent.
    producer.produce(letter.topic, letter.value, letter.key, headers=list(letter.headers))
    drop_native_producer(producer)
