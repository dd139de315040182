"""Bodies of labels that are wrong, by accident or on purpose. Apart from the address, as they need no database."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from apps.fraud.api.errors import CardDataSent, InvalidRequest
from apps.fraud.api.labels_request import FIELDS, read_label, split_labels
from kivendtout.lib.clock import now

NOW = now()
CARD = "4111111111111111"
GOOD: dict[str, Any] = {"payment_id": "PAY-1", "is_fraud": True, "source": "chargeback"}


def raw(**fields: Any) -> bytes:
    return json.dumps(GOOD | fields).encode()


def refusal(body: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as found:
        read_label(body, NOW)
    return found.value


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"fraud": True}, "fraud", "'fraud' is not a field of this message. Leave it out."),
        ({"is_fraud": "true"}, "is_fraud", "is_fraud must be true or false"),
        ({"is_fraud": 1}, "is_fraud", "is_fraud must be true or false"),
        ({"is_fraud": None}, "is_fraud", "is_fraud must be true or false"),
        ({"source": "bank"}, "source", "source cannot be 'bank'"),
        ({"payment_id": ""}, "payment_id", "payment_id is empty"),
        ({"payment_id": "x" * 65}, "payment_id", "payment_id is longer than 64 characters"),
        ({"payment_id": "a\0b"}, "payment_id", "payment_id holds a control character or a NUL"),
        ({"payment_id": 7}, "payment_id", "payment_id"),
        ({"pattern": "x" * 33}, "pattern", "pattern is longer than 32 characters"),
        ({"pattern": "a\nb"}, "pattern", "pattern holds a control character"),
        ({"known_at": "2025-12-01"}, "known_at", "a time with its zone"),
        ({"known_at": "2025-12-01T10:00:00"}, "known_at", "a time with its zone"),
        ({"known_at": 1_700_000_000}, "known_at", "a time with its zone"),
        ({"known_at": "1999-12-01T10:00:00Z"}, "known_at", "known_at lies before 2000"),
        ({"known_at": (NOW + timedelta(minutes=6)).isoformat()}, "known_at", "more than five minutes ahead"),
        ({"schema_version": 2}, "schema_version", "must be 1"),
    ],
)
def test_each_fault_is_a_sentence_that_names_its_field(fields: dict[str, Any], field: str, words: str) -> None:
    found = refusal(raw(**fields))
    assert words in found.message
    assert found.field == field
    assert found.message.endswith(".")


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_is_missing_is_named(name: str) -> None:
    found = refusal(json.dumps({key: value for key, value in GOOD.items() if key != name}).encode())
    assert (found.message, found.field) == (f"{name} is missing.", name)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"7", "must be a JSON object"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (raw()[:-1] + b',"is_fraud":false}', "'is_fraud' stands twice"),
        (raw()[:-1] + b',"\\u0069s_fraud":false}', "'is_fraud' stands twice"),
        (raw()[:-1] + b',"pattern":NaN}', "NaN and Infinity"),
        (raw(pattern=json.loads("[" * 20 + "]" * 20)), "nested too deeply"),
    ],
)
def test_what_is_no_label_at_all_is_told_so(body: bytes, words: str) -> None:
    assert words in refusal(body).message


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in {"schema_version", "is_fraud"}])
def test_a_card_number_is_found_in_every_field_and_not_repeated(name: str) -> None:
    for written in (CARD, "4111 1111 1111 1111"):
        found = refusal(raw(**{name: written}))
        assert isinstance(found, CardDataSent)
        assert "4111" not in found.message + str(found.field)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "1 to 1,000"),
        (b"[" + b",".join([b"{}"] * 1_001) + b"]", "this one has 1,001"),
        (b'{"label":[]}', "'label' is not a field of this request"),
        (b'{"labels":{}}', "holds no labels"),
        (b"{}", "holds no labels"),
        (b"3", "holds no labels"),
        (b'{"labels":[{}],"labels":[{},{}]}', "'labels' stands twice"),
        (b'[{"a":1},', "not valid JSON"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_holds_no_labels_is_told_so(body: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest) as found:
        split_labels(body)
    assert words in found.value.message
