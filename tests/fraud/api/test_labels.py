"""POST /api/v1/labels: one result a label, repeats harmless, nobody else's payments. Bodies: test_label_bodies.py."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.test import Client

from apps.compliance.services.api_keys import api_key_create
from apps.fraud.models import FraudLabel, LabelVersion, Outbox
from kivendtout.lib.clock import now
from kivendtout.lib.tenancy import tenant_scope
from tests.factories import make_payment
from tests.fraud.api.conftest import Post, Shop

pytestmark = pytest.mark.django_db(transaction=True)


def a_payment(shop: Shop, **fields: Any) -> str:
    at = now() - timedelta(days=3)
    return str(make_payment(shop.tenant, customer=shop.customer, attempted_at=at, **fields).reference.external_id)


def label(payment: str, **fields: Any) -> dict[str, Any]:
    return {"payment_id": payment, "is_fraud": True, "source": "chargeback", **fields}


def stored(shop: Shop) -> list[tuple[Any, ...]]:
    with tenant_scope(shop.tenant.pk):
        columns = ("payment__external_id", "source", "is_fraud", "pattern")
        return list(FraudLabel.objects.order_by("-source").values_list(*columns))


def test_bad_labels_do_not_hold_up_the_others_and_nobody_labels_anothers_payment(
    shop: Shop, other_shop: Shop, post: Post
) -> None:
    mine, theirs = a_payment(shop), a_payment(other_shop)
    early = (now() - timedelta(days=9)).isoformat()
    sent = [
        label(mine, pattern="takeover"), label(theirs), label(mine, source="bank"), label(mine, known_at=early), 7,
        label(mine, source="analyst", customer_id="C-other"), label(mine, source="analyst", is_fraud=False),
        {**label(mine), "cvv": "1"},
    ]  # fmt: skip
    answer = post(shop, sent, path="labels")
    told = answer.json()
    assert answer.status_code == 200
    assert {name: told[name] for name in ("recorded", "changed", "repeated", "refused")} == {
        "recorded": 2, "changed": 0, "repeated": 0, "refused": 6,
    }  # fmt: skip
    results = told["results"]
    assert [results[n]["outcome"] for n in (0, 6)] == ["recorded", "recorded"]
    assert [(results[n]["code"], results[n].get("field")) for n in (1, 2, 3, 4, 5, 7)] == [
        ("invalid_event", "payment_id"), ("invalid_request", "source"), ("invalid_event", "known_at"),
        ("invalid_request", None), ("invalid_event", "payment_id"), ("card_data", "cvv"),
    ]  # fmt: skip
    assert results[1]["detail"].startswith(f"payment_id {theirs} is not a known payment.")
    assert stored(shop) == [(mine, "chargeback", True, "takeover"), (mine, "analyst", False, "")]
    assert stored(other_shop) == []


def test_a_verdict_that_turns_is_told_as_changed_and_goes_to_the_topic(shop: Shop, post: Post) -> None:
    payment = a_payment(shop)
    day_ago = (now() - timedelta(days=1)).isoformat()
    outcomes = [
        post(shop, {"labels": [body]}, path="labels").json()["results"][0]["outcome"]
        for body in (label(payment, known_at=day_ago), label(payment, known_at=day_ago), label(payment, is_fraud=False))
    ]
    assert outcomes == ["recorded", "repeated", "changed"]
    with tenant_scope(shop.tenant.pk):
        rows = Outbox.objects.filter(topic="labels").order_by("pk")
        told = [
            msgspec.json.decode(value) for row in rows for _key, value, _trace in msgspec.msgpack.decode(row.messages)
        ]
    assert [(one["payment_id"], one["is_fraud"]) for one in told] == [(payment, True), (payment, False)]


def test_without_a_time_a_repeat_says_nothing_new_and_writes_nothing(shop: Shop, post: Post) -> None:
    payment = a_payment(shop)
    told = [
        label(payment), label(payment), label(payment, pattern="takeover"), label(payment, pattern="takeover"),
        label(payment, is_fraud=False), label(payment, is_fraud=False), label(payment, is_fraud=False),
    ]  # fmt: skip
    outcomes = [post(shop, [body], path="labels").json()["results"][0]["outcome"] for body in told]
    assert outcomes == ["recorded", "repeated", "changed", "repeated", "changed", "repeated", "repeated"]
    with tenant_scope(shop.tenant.pk):
        versions = LabelVersion.objects.order_by("pk").values_list("is_fraud", "pattern", "stood")
        assert list(versions) == [(True, "", True), (True, "takeover", True), (False, "takeover", True)]


def test_with_a_time_a_repeat_is_remembered_as_told(shop: Shop, post: Post) -> None:
    payment = a_payment(shop)
    for hours in (30, 20, 20):
        at = now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
        post(shop, [label(payment, known_at=at.isoformat())], path="labels")
    with tenant_scope(shop.tenant.pk):
        assert list(LabelVersion.objects.order_by("pk").values_list("stood", flat=True)) == [True, False]


def test_a_key_used_again_gets_the_same_answer_and_only_for_the_same_body(shop: Shop, post: Post) -> None:
    payment = a_payment(shop)
    first = post(shop, [label(payment)], path="labels", idempotency_key="k1")
    turned_round = json.dumps([dict(reversed(label(payment).items()))], indent=2).encode()
    again = post(shop, turned_round, path="labels", idempotency_key="k1")
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    other = post(shop, [label(payment, is_fraud=False)], path="labels", idempotency_key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert post(shop, shop.payment(), idempotency_key="k1").status_code == 422  # another address, another body
    assert stored(shop) == [(payment, "chargeback", True, "")]


def test_a_refusal_is_not_remembered_so_a_corrected_request_may_use_its_key(shop: Shop, post: Post) -> None:
    payment = a_payment(shop)
    first = post(shop, [label(payment), label("nobody")], path="labels", idempotency_key="k2").json()
    assert (first["recorded"], first["refused"]) == (1, 1)
    second = post(shop, [label(payment)], path="labels", idempotency_key="k2").json()
    assert (second["repeated"], second["refused"]) == (1, 0)


def test_a_thousand_labels_are_one_request(shop: Shop, post: Post) -> None:
    payment = a_payment(shop)
    answer = post(shop, [label(payment, label_id=f"L{n}") for n in range(1_000)], path="labels").json()
    assert (answer["recorded"], answer["repeated"]) == (1, 999)


def test_the_sandbox_checks_as_strictly_and_records_nothing(shop: Shop, post: Post) -> None:
    payment = a_payment(shop)
    sent = [label(payment), label("sandbox_unknown_1"), label("sandbox_repeated_1"), label(payment, source="bank")]
    headers = {"authorization": f"Bearer {shop.sandbox_key}"}
    told = post(shop, sent, path="labels", **headers).json()
    assert [one.get("outcome") or one["code"] for one in told["results"]] == [
        "recorded", "invalid_event", "repeated", "invalid_request",
    ]  # fmt: skip
    assert post(shop, [label("sandbox_down_1")], path="labels", **headers).status_code == 503
    assert stored(shop) == []


def test_strangers_and_keys_without_the_scope_tell_nothing(shop: Shop, post: Post, client: Client) -> None:
    payment = a_payment(shop)
    assert client.post("/api/v1/labels", b"[]", content_type="application/json").status_code == 401
    assert client.get("/api/v1/labels", headers=shop.headers()).status_code == 405
    _made, key = api_key_create(tenant_id=shop.tenant.pk, name="Till", now=now(), scopes=["score"])
    answer = post(shop, [label(payment)], path="labels", authorization=f"Bearer {key}")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert "'labels:write'" in answer.json()["detail"]
    for body, headers, status in (
        (b" ", {}, 400), (b"{}", {"content_type": "text/plain"}, 415), (b"[" + b" " * 2_200_000 + b"]", {}, 413),
        (json.dumps([label(payment)]).encode(), {"idempotency_key": "a b"}, 400),
    ):  # fmt: skip
        assert post(shop, body, path="labels", **headers).status_code == status
    assert stored(shop) == []
