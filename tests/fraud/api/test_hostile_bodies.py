"""Bodies that are wrong, by accident or on purpose: each gets a status, a code, and a sentence that names the field."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from datetime import timedelta
from typing import Any

import pytest

from apps.fraud.api.batch_request import split_batch
from apps.fraud.api.errors import CardDataSent, InvalidRequest
from apps.fraud.api.score_request import FIELDS, read_payment
from apps.payments.models import PaymentReference
from kivendtout.lib.clock import now
from kivendtout.lib.tenancy import tenant_scope
from tests.fraud.api.conftest import Post, Shop

GOOD: dict[str, Any] = {"payment_id": "PAY-1", "customer_id": "C00001", "amount": "42.50", "method": "card"}
CARD = "4111111111111111"
NOW = now()


def raw(**fields: Any) -> bytes:
    return json.dumps(GOOD | fields).encode()


def refusal(body: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as found:
        read_payment(body, NOW)
    return found.value


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"amout": "1.00"}, "amout", "'amout' is not a field of this message. Leave it out."),
        ({"amount": 42.5}, "amount", "amount must be a decimal written as text"),
        ({"amount": "-1.00"}, "amount", "amount must be a decimal written as text"),
        ({"amount": "1e3"}, "amount", "amount must be a decimal written as text"),
        ({"amount": "100000000000"}, "amount", "amount must be a decimal written as text"),
        ({"amount": "1.234"}, "amount", "more digits than its currency"),
        ({"amount": None}, "amount", "amount must be a decimal written as text"),
        ({"currency": "eur"}, "currency", "three letters of an ISO 4217 currency"),
        ({"currency": "XXX"}, "currency", "not one that payments can be made in"),
        ({"method": "cash"}, "method", "method cannot be 'cash'"),
        ({"payment_country": "FRA"}, "payment_country", "two capital letters"),
        ({"payment_id": ""}, "payment_id", "payment_id is empty"),
        ({"payment_id": "x" * 65}, "payment_id", "payment_id is longer than 64 characters"),
        ({"payment_id": "a\0b"}, "payment_id", "payment_id holds a control character or a NUL"),
        ({"os": "a\nb"}, "os", "os holds a control character"),
        ({"basket_size": -1}, "basket_size", "basket_size must be a whole number"),
        ({"basket_size": 1.5}, "basket_size", "basket_size must be a whole number"),
        ({"basket_size": True}, "basket_size", "basket_size must be a whole number"),
        ({"adult_restricted": "yes"}, "adult_restricted", "must be true or false"),
        ({"schema_version": 2}, "schema_version", "must be 1"),
        ({"attempted_at": "2026-01-01T10:00:00"}, "attempted_at", "a time with its zone"),
        ({"attempted_at": 1_700_000_000}, "attempted_at", "a time with its zone"),
        ({"attempted_at": (NOW + timedelta(minutes=6)).isoformat()}, "attempted_at", "more than five minutes ahead"),
        ({"attempted_at": (NOW - timedelta(days=401)).isoformat()}, "attempted_at", "more than 400 days back"),
        ({"attempted_at": "0001-01-01T00:00:00+23:59"}, "attempted_at", "attempted_at lies before 2000"),
        ({"cart_at": (NOW + timedelta(minutes=2)).isoformat()}, "cart_at", "cart_at lies after attempted_at"),
        ({"ip_address": "300.1.2.3"}, "ip_address", "ip_address is not a network address"),
        ({"ip_address": "fe80::1%eth0"}, "ip_address", "ip_address is not a network address"),
        ({"ip_address": "192.0.2.0/24"}, "ip_address", "ip_address is not a network address"),
        ({"last_four": "12345"}, "last_four", "the last four digits"),
        ({"card_bin": "49701"}, "card_bin", "first six or eight digits"),
    ],
)
def test_each_fault_is_a_sentence_that_names_its_field(fields: dict[str, Any], field: str, words: str) -> None:
    found = refusal(raw(**fields))
    assert words in found.message
    assert found.field == field
    assert found.message.endswith(".")


@pytest.mark.parametrize("name", sorted(set(GOOD)))
def test_what_is_missing_is_named(name: str) -> None:
    found = refusal(json.dumps({key: value for key, value in GOOD.items() if key != name}).encode())
    assert found.message == f"{name} is missing."
    assert found.field == name


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "one JSON object"),
        (b"null", "one JSON object"),
        (b'"text"', "one JSON object"),
        (b"\xff\xfe", "not UTF-8"),
        (raw()[:-1] + b',"amount":NaN}', "NaN and Infinity"),
        (raw()[:-1] + b',"basket_size":-Infinity}', "NaN and Infinity"),
        (raw()[:-1] + b',"amount":"1.00"}', "'amount' stands twice"),
        (raw()[:-1] + b',"\\u0061mount":"1.00"}', "'amount' stands twice"),
        (raw()[:-1] + b', "basket_size" : 1 , "basket_size":2}', "'basket_size' stands twice"),
        (raw()[:-1] + b',"":1,"":2}', "stands twice"),
        (b"[" * 30_000, "nested too deeply"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
        (raw(extra=json.loads("[" * 20 + "]" * 20)), "nested too deeply"),
        (raw()[:-1] + b',"basket_size":' + b"9" * 5_000 + b"}", "out of range"),
        (raw(payment_id="x")[:-1] + b',"os":"\\ud800"}', "not valid JSON"),
        (raw() + b"{}", "not valid JSON"),
    ],
)
def test_what_is_no_payment_at_all_is_told_so(body: bytes, words: str) -> None:
    assert words in refusal(body).message


@pytest.mark.parametrize(
    "fields",
    [
        {"card_number": CARD},
        {"card_number": "x"},
        {"pan": 1},
        {"cvv": "123"},
        {"cvc": 123},
        {"CVV2": "123"},
        {"cardNumber": "4111"},
        {"number": "12"},
        {"security-code": "123"},
        {"card": {"number": CARD, "exp": "12/29"}},
        {"metadata": {"notes": [{"text": f"paid with {CARD} twice"}]}},
        {"metadata": json.dumps({"card": CARD})},
        {"unknown": int(CARD)},
        {CARD: 1},
        {f"x {CARD} y": 1},
        {"note": "4111 1111 1111 1111"},
        {"note": "4111-1111-1111-1111"},
        {"note": "4111  1111  1111  1111"},
        {"note": "4111.1111.1111.1111"},
        {"note": "４１１１１１１１１１１１１１１１"},
        {"note": "٤١١١١١١١١١١١١١١١"},
        {"note": "٤٠١٢٨٨٨٨٨٨٨٨١٨٨١"},
        {"note": "5555555555554444"},
        {"note": "378282246310005"},
    ],
)
def test_card_data_anywhere_is_refused_and_not_repeated(fields: dict[str, Any]) -> None:
    found = refusal(raw(**fields))
    assert isinstance(found, CardDataSent)
    told = found.message + str(found.field)
    assert not any(digits in told for digits in ("4111", "1111", "٤٠١٢", "5555", "3782", "４１１", "٤١١"))


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in {"schema_version", "basket_size"}])
def test_a_card_number_is_found_in_every_field(name: str) -> None:
    for written in (CARD, "4111 1111 1111 1111"):
        found = refusal(raw(**{name: written}))
        assert CARD not in found.message
        if name in {
            "payment_id",
            "customer_id",
            "ip_hash",
            "device_id",
            "session_id",
            "card_fingerprint",
            "merchant_id",
        }:
            assert isinstance(found, CardDataSent)
            assert found.field == name


@pytest.mark.parametrize(
    "fields",
    [
        {"payment_id": "4111111111111112"},  # fails the check digit
        {"payment_id": "550e8400-e29b-41d4-a716-446655440000"},
        {"ip_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
        {"amount": "0.00"},
        {"attempted_at": (NOW + timedelta(minutes=4)).isoformat()},
        {"attempted_at": (NOW - timedelta(days=399)).isoformat()},
        {"ip_address": "192.168.100.200"},
        {"utm_campaign": "été — soldes 🎉"},
        {"os": 'with "quotes" and \\ and : colons'},
        {"currency": "JPY", "amount": "4200"},
        {"merchant_id": None},
    ],
)
def test_what_only_looks_odd_is_taken(fields: dict[str, Any]) -> None:
    assert read_payment(raw(**fields), NOW).event.customer_id == "C00001"


def test_defaults_are_the_friendly_ones() -> None:
    event, address, _canonical = read_payment(raw(ip_address=" 2001:DB8::0007 ".strip()), NOW)
    assert (event.event, event.attempted_at, event.currency) == ("payment_attempt", NOW, "EUR")
    assert address == event.ip_hash == "2001:db8::7"


def test_the_order_of_fields_and_spaces_change_nothing_of_what_a_key_stands_for() -> None:
    turned = json.dumps(dict(reversed(GOOD.items())), indent=3).encode()
    assert read_payment(turned, NOW).canonical == read_payment(raw(), NOW + timedelta(seconds=5)).canonical


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "1 to 1,000"),
        (b"[" + b",".join([b"{}"] * 1_001) + b"]", "this one has 1,001"),
        (b'{"payments":[]}', "1 to 1,000"),
        (b'{"payment":[]}', "'payment' is not a field of a batch"),
        (b'{"payments":{}}', "no batch"),
        (b"{}", "no batch"),
        (b"3", "no batch"),
        (b'{"payments":[{}],"payments":[{},{}]}', "'payments' stands twice"),
        (b'{"p\\u0061yments":[{}],"payments":[{},{}]}', "'payments' stands twice"),
        (b'[{"a":1},', "not valid JSON"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_batch_is_told_so(body: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest) as found:
        split_batch(body)
    assert words in found.value.message


@pytest.mark.django_db(transaction=True)
def test_the_address_answers_each_with_problem_json_and_writes_nothing(shop: Shop, post: Post) -> None:
    big = json.dumps(shop.payment(os="x" * 70_000)).encode()
    for body, headers, status, code in (
        (b"", {"content_type": "application/json"}, 400, "malformed"),
        (b"   ", {}, 400, "malformed"),
        (b"{", {}, 400, "malformed"),
        (big, {}, 413, "body_too_large"),
        (b"{}", {"content_type": "text/plain"}, 415, "unsupported_media_type"),
        (b"{}", {"content_type": "application/json; charset=latin-1"}, 415, "unsupported_media_type"),
        (b"{}", {"content_encoding": "gzip"}, 415, "unsupported_media_type"),
        (json.dumps(shop.payment(cvv="123")).encode(), {}, 400, "card_data"),
        (json.dumps(shop.payment(amount="x")).encode(), {}, 400, "invalid_request"),
        (json.dumps(shop.payment(merchant_id="nobody")).encode(), {}, 400, "invalid_event"),
    ):
        answer = post(shop, body, **headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body[:40]
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json()["trace_id"] == answer.headers["X-Trace-Id"]
    assert post(shop, b"[" + b" " * 2_200_000 + b"]", path="score/batch").status_code == 413
    assert post(shop, b"[" + b" " * 3_000_000 + b"]", path="score/batch").status_code == 413
    with tenant_scope(shop.tenant.pk):
        assert not PaymentReference.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_card_number_reaches_neither_the_answer_nor_the_log(shop: Shop, post: Post) -> None:
    said = io.StringIO()
    bodies = [
        shop.payment(note={"deep": [f"card {CARD}"]}),
        shop.payment(payment_id=CARD),
        shop.payment(device_id="4111 1111 1111 1111"),
        {CARD: CARD},
    ]
    with redirect_stdout(said):
        answers = [post(shop, body, path=path) for body in bodies for path in ("score", "fraud-alerts/check")]
        answers += [post(shop, bodies, path="score/batch"), post(shop, f'{{"a": "{CARD}"'.encode())]
        answers.append(post(shop, shop.payment(), idempotency_key=CARD))
    for answer in answers:
        assert answer.status_code in {200, 400}
        assert "4111" not in answer.content.decode()
        assert "1111" not in answer.content.decode().replace(answer.headers["X-Trace-Id"], "")
    assert answers[-3].json()["refused"] == len(bodies)
    assert CARD not in said.getvalue()
    assert "4111 1111" not in said.getvalue()
