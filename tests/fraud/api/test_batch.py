"""POST /api/v1/score/batch: one result a payment, in their order, whatever becomes of each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import OperationalError

from apps.fraud.models import Decision
from apps.fraud.services import intake
from kivendtout.lib.tenancy import tenant_scope
from tests.fraud.api.conftest import Post, Shop

pytestmark = pytest.mark.django_db(transaction=True)


def test_bad_payments_do_not_hold_up_the_others_and_the_order_stays(shop: Shop, other_shop: Shop, post: Post) -> None:
    good = [shop.payment() for _n in range(3)]
    batch = [good[0], shop.payment(amount="x"), good[1], other_shop.payment(), 7, shop.payment(cvv="1"), good[2]]
    answer = post(shop, batch, path="score/batch")
    told = answer.json()
    assert (answer.status_code, told["decided"], told["refused"]) == (200, 3, 4)
    results = told["results"]
    assert [one["payment_id"] for one in (results[0], results[2], results[6])] == [one["payment_id"] for one in good]
    assert [results[n]["code"] for n in (1, 3, 4, 5)] == [
        "invalid_request", "invalid_event", "invalid_request", "card_data",
    ]  # fmt: skip
    assert results[1]["field"] == "amount"
    assert results[3]["payment_id"] == batch[3]["payment_id"]
    with tenant_scope(shop.tenant.pk):
        assert Decision.objects.count() == 3
    with tenant_scope(other_shop.tenant.pk):
        assert not Decision.objects.exists()


def test_an_object_with_payments_is_a_batch_too_and_takes_a_thousand(shop: Shop, post: Post) -> None:
    answer = post(shop, {"payments": [shop.payment() for _n in range(1_000)]}, path="score/batch")
    assert answer.json()["decided"] == 1_000
    assert len({one["decision_id"] for one in answer.json()["results"]}) == 1_000


def test_a_payment_of_a_batch_is_answered_as_it_would_be_alone(shop: Shop, post: Post) -> None:
    payment = shop.payment()
    together = post(shop, [payment], path="score/batch").content
    alone = post(shop, payment).content
    assert alone in together


def test_a_batch_under_one_key_is_answered_again_place_by_place(shop: Shop, post: Post) -> None:
    batch = [shop.payment(), shop.payment()]
    first = post(shop, batch, path="score/batch", idempotency_key="k1")
    again = post(shop, batch, path="score/batch", idempotency_key="k1")
    assert again.content == first.content
    other = post(shop, [batch[0], shop.payment()], path="score/batch", idempotency_key="k1").json()
    assert other["results"][0]["decision"]
    assert other["results"][1]["code"] == "idempotency_mismatch"


def test_without_its_database_a_batch_is_put_off_whole(shop: Shop, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: Any, **_named: Any) -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(intake, "batch_decide", away)
    for path, body in (("score/batch", [shop.payment()]), ("score", shop.payment())):
        answer = post(shop, body, path=path)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "connection is closed" not in json.dumps(answer.json())
