from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.payments.events import InvalidEvent, OrderEvent, PaymentEvent, decode, encode, json_schemas
from tests.ingestion.messages import AT, NOW, order_event, payment_event

SCHEMAS = Path(__file__).parent / "schemas"
CARD = "4111 1111 1111 1111"


def raw(**changed: Any) -> bytes:
    message = {**json.loads(encode(payment_event())), **changed}
    return json.dumps({name: value for name, value in message.items() if value is not ...}).encode()


def refusal(**changed: Any) -> str:
    with pytest.raises(InvalidEvent) as refused:
        decode(PaymentEvent, raw(**changed), now=NOW)
    return refused.value.message


def test_a_message_comes_back_as_it_was_sent() -> None:
    event = payment_event(payment_country="FR", device_kind="ios")

    assert decode(PaymentEvent, encode(event), now=NOW) == event


def test_the_status_follows_the_event() -> None:
    told = {name: payment_event(event=name).status for name in ("payment_attempt", "payment_success", "payment_failed")}

    assert told == {"payment_attempt": "pending", "payment_success": "success", "payment_failed": "failed"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"payment_id": "P\0"}, "payment_id holds a control character or a NUL. Remove it."),
        ({"customer_id": "C1\n"}, "customer_id holds a control character or a NUL. Remove it."),
        ({"payment_id": "x" * 65}, "payment_id is longer than 64 characters."),
        ({"payment_id": ""}, "payment_id is empty."),
        ({"amount": ...}, "amount is missing."),
        ({"colour": "red"}, "'colour' is not a field of this message. Leave it out."),
        ({"payment_country": "FRA"}, "payment_country must be the two capital letters of an ISO 3166-1 country"),
        ({"issuer_country": "fr"}, "issuer_country must be the two capital letters of an ISO 3166-1 country"),
        ({"currency": "euro"}, "currency must be the three letters of an ISO 4217 currency, like EUR."),
        ({"currency": "XXX"}, "currency 'XXX' is not one that payments can be made in. Use one such as EUR."),
        ({"card_bin": "4970"}, "card_bin must be the first six or eight digits of the card."),
        ({"last_four": "12345"}, "last_four must be the last four digits of the card."),
        ({"amount": "-1"}, "amount must be a decimal written as text, from 0 to 99999999999.999"),
        ({"amount": "100000000000"}, "amount must be a decimal written as text, from 0 to 99999999999.999"),
        ({"amount": "1e3"}, "amount must be a decimal written as text"),
        ({"amount": "NaN"}, "amount must be a decimal written as text"),
        ({"amount": 12.5}, "amount must be a decimal written as text"),
        ({"amount": "1.234"}, "The amount 1.234 has more digits than its currency's 2 minor digits."),
        ({"currency": "JPY", "amount": "1.5"}, "The amount 1.5 has more digits than its currency's 0 minor digits."),
        ({"attempted_at": "1999-12-31T23:59:59Z"}, "attempted_at lies before 2000."),
        ({"attempted_at": "2026-01-17T12:00:00Z"}, "attempted_at lies more than a day ahead."),
        ({"session_started_at": "2027-01-17T12:00:00Z"}, "session_started_at lies more than a day ahead."),
        ({"attempted_at": "2025-12-01T09:30:00"}, "attempted_at must be a time with its zone in RFC 3339"),
        ({"event": "payment_lost"}, "event cannot be 'payment_lost'. The schema lists what it may be."),
        ({"method": "cash"}, "method cannot be 'cash'."),
        ({"ip_country": "fr"}, "ip_country must be the two capital letters of an ISO 3166-1 country"),
        ({"billing_country": "FRA"}, "billing_country must be the two capital letters of an ISO 3166-1 country"),
        ({"cart_at": "2025-12-01T09:29:00"}, "cart_at must be a time with its zone in RFC 3339"),
        ({"cart_at": "1999-12-31T23:59:59Z"}, "cart_at lies before 2000."),
        ({"cart_at": "2025-12-01T09:30:00.000001Z"}, "cart_at lies after attempted_at. Send the time of the last cart"),
        ({"basket_size": -1}, "basket_size must be a whole number of articles, from 0 to 1000000."),
        ({"basket_size": 1_000_001}, "basket_size must be a whole number of articles, from 0 to 1000000."),
        ({"basket_size": "3"}, "basket_size must be a whole number of articles, from 0 to 1000000."),
        ({"adult_restricted": 1}, "adult_restricted must be true or false."),
        ({"schema_version": 2}, "schema_version 2 is not known here; 1 is."),
        ({"schema_version": "1"}, "schema_version must be 1, the only version there is."),
    ],
)
def test_it_refuses_with_a_sentence_that_names_the_field(changed: dict[str, Any], said: str) -> None:
    assert refusal(**changed).startswith(said)


@pytest.mark.parametrize(
    "field",
    ["payment_id", "customer_id", "card_fingerprint", "device_id", "os", "browser", "merchant_id", "failure_code",
     "session_id", "utm_source", "utm_campaign"],
)  # fmt: skip
@pytest.mark.parametrize("number", [CARD, "4111111111111111", "4111-1111-1111-1111", "a 30569309025904 b"])
def test_it_refuses_a_card_number_in_any_text_and_does_not_repeat_it(field: str, number: str) -> None:
    said = refusal(**{field: number})

    assert said == f"{field} holds what looks like a card number. Send its BIN and last four digits, never the number."
    assert "1111" not in said


def test_a_card_number_as_a_field_or_choice_is_not_repeated_either() -> None:
    assert "4111" not in refusal(**{"4111111111111111": "x"})
    assert "4111" not in refusal(method="4111111111111111")


def test_an_address_hash_may_look_like_a_card_number() -> None:
    """Sixteen hexadecimal digits do so by chance, and only a keyed hash of them is kept."""
    assert decode(PaymentEvent, raw(ip_hash="4111111111111111"), now=NOW).ip_hash == "4111111111111111"


@pytest.mark.parametrize(
    "junk", [b"", b"\xff\xfe", b"{", b"[]", b"null", b'"text"', b"[" * 100_000, b'{"a": "\\ud800"}']
)
def test_it_refuses_what_is_not_a_json_object(junk: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode(PaymentEvent, junk, now=NOW)


def test_it_refuses_a_message_too_large_to_be_one() -> None:
    with pytest.raises(InvalidEvent, match="at most 200,000 are read"):
        decode(PaymentEvent, b" " * 200_001, now=NOW)


def test_an_order_line_names_its_own_fault() -> None:
    message = json.loads(encode(order_event())) | {"items": [{"product_id": "P1", "quantity": 0}]}

    with pytest.raises(InvalidEvent, match=r"items\[0\]\.quantity"):
        decode(OrderEvent, json.dumps(message).encode(), now=NOW)


def test_a_clock_a_little_ahead_is_accepted() -> None:
    assert decode(PaymentEvent, raw(attempted_at=(NOW + timedelta(hours=23)).isoformat()), now=NOW)
    assert decode(PaymentEvent, raw(attempted_at="2025-12-01T10:30:00+01:00"), now=NOW).attempted_at == AT


@pytest.mark.parametrize("cart_at", [AT - timedelta(days=40), AT])
@pytest.mark.parametrize(("basket_size", "adult_restricted"), [(0, False), (1_000_000, True)])
def test_what_senders_may_tell_beside_comes_back(cart_at: Any, basket_size: int, adult_restricted: bool) -> None:
    event = payment_event(
        ip_country="US", billing_country="BE", cart_at=cart_at, basket_size=basket_size,
        adult_restricted=adult_restricted,
    )  # fmt: skip

    assert decode(PaymentEvent, encode(event), now=NOW) == event


def test_a_message_without_what_may_be_told_stays_valid() -> None:
    event = decode(PaymentEvent, raw(), now=NOW)

    told = (event.ip_country, event.billing_country, event.cart_at, event.basket_size, event.adult_restricted)
    assert told == (None, None, None, None, None)


@pytest.mark.parametrize("name", ["payment", "order", "behaviour"])
def test_the_published_schemas_do_not_change_by_accident(name: str) -> None:
    """UPDATE_SNAPSHOTS=1 writes them anew; a change that breaks senders needs a new schema_version."""
    path = SCHEMAS / f"{name}.json"
    text = json.dumps(json_schemas()[name], indent=2, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")

    assert path.read_text(encoding="utf-8") == text
