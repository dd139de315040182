"""Idempotency-Key: the same request gets the same bytes, however often, however at once, whatever was restarted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from apps.fraud.models import Decision, IdempotencyRecord
from kivendtout.lib.tenancy import tenant_scope
from tests.fraud.api.conftest import Post, Shop, flush_redis

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def at_once(workers: int) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(workers) as pool:
        yield pool


def send(shop: Shop, body: bytes, key: str) -> Any:
    try:
        headers = shop.headers(**{"idempotency-key": key})
        return Client().post("/api/v1/score", body, content_type="application/json", headers=headers)
    finally:
        connection.close()


def test_the_same_key_and_body_get_the_same_bytes(shop: Shop, post: Post) -> None:
    payment = shop.payment()
    first = post(shop, payment, idempotency_key="order-17")
    again = post(shop, dict(reversed(payment.items())), idempotency_key="order-17")
    assert first.status_code == again.status_code == 200
    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


def test_the_same_key_with_another_body_is_refused(shop: Shop, post: Post) -> None:
    post(shop, shop.payment(), idempotency_key="order-17")
    answer = post(shop, shop.payment(), idempotency_key="order-17")
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_mismatch"


def test_twenty_at_once_are_one_decision(shop: Shop) -> None:
    body = json.dumps(shop.payment()).encode()
    with at_once(20) as pool:
        answers = list(pool.map(lambda _n: send(shop, body, "order-17"), range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    with tenant_scope(shop.tenant.pk):
        assert Decision.objects.count() == 1
        assert IdempotencyRecord.objects.count() == 1


def test_twenty_at_once_with_different_bodies_are_one_decision_and_nineteen_refusals(shop: Shop) -> None:
    bodies = [json.dumps(shop.payment()).encode() for _n in range(20)]
    with at_once(20) as pool:
        answers = list(pool.map(lambda body: send(shop, body, "order-17"), bodies))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 19
    with tenant_scope(shop.tenant.pk):
        assert Decision.objects.count() == 1


def test_another_tenants_same_key_is_another_request(shop: Shop, other_shop: Shop, post: Post) -> None:
    first = post(shop, shop.payment(), idempotency_key="order-17")
    second = post(other_shop, other_shop.payment(), idempotency_key="order-17")
    assert first.status_code == second.status_code == 200
    assert first.json()["decision_id"] != second.json()["decision_id"]


def test_an_emptied_redis_forgets_no_answer(shop: Shop, post: Post) -> None:
    payment = shop.payment()
    first = post(shop, payment, idempotency_key="order-17")
    flush_redis(settings.REDIS_URL)
    assert post(shop, payment, idempotency_key="order-17").content == first.content
    assert post(shop, shop.payment(), idempotency_key="order-17").status_code == 422


def test_a_refused_request_may_be_sent_again_under_its_key(shop: Shop, post: Post) -> None:
    payment = shop.payment()
    wrong = post(shop, payment | {"merchant_id": "nobody"}, idempotency_key="order-17")
    assert wrong.status_code == 400
    assert post(shop, payment, idempotency_key="order-17").status_code == 200


def test_a_key_is_visible_ascii_of_at_most_255(shop: Shop, post: Post) -> None:
    for wrong in ("", " ", "a b", "é", "x" * 256, "a\tb"):
        answer = post(shop, shop.payment(), idempotency_key=wrong)
        assert answer.status_code == 400, wrong
        assert answer.json()["field"] == "Idempotency-Key"
    for right in ("x" * 255, "!~", "550e8400-e29b-41d4-a716-446655440000"):
        assert post(shop, shop.payment(), idempotency_key=right).status_code == 200, right
