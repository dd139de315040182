"""POST /api/v1/score and GET /api/v1/decisions/{id}: the answer, its headers, and who may not have it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client, RequestFactory

from apps.fraud.models import Decision
from apps.payments.models import Payment
from kivendtout.lib.tenancy import tenant_scope
from kivendtout.wsgi import application
from tests.fraud.api.conftest import Post, Shop

pytestmark = pytest.mark.django_db(transaction=True)


def get_decision(client: Client, shop: Shop, decision_id: str) -> Any:
    return client.get(f"/api/v1/decisions/{decision_id}", headers=shop.headers())


def test_a_payment_gets_a_decision_with_its_reasons(shop: Shop, post: Post) -> None:
    payment = shop.payment()
    answer = post(shop, payment)
    told = answer.json()
    assert answer.status_code == 200, told
    assert told["decision"] in {"ALLOW", "CHALLENGE", "DENY"}
    assert 0 <= told["score"] <= 1
    assert told["payment_id"] == payment["payment_id"]
    assert told["degraded"] is False
    assert {"reasons", "latency_ms", "ruleset_version", "scorer_version", "decided_by"} <= set(told)
    with tenant_scope(shop.tenant.pk):
        assert f"dec_{Decision.objects.get().pk}" == told["decision_id"]


def test_answers_are_not_to_be_stored_and_carry_the_callers_trace(shop: Shop, post: Post) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = post(shop, shop.payment(), traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Trace-Id"] == trace
    with tenant_scope(shop.tenant.pk):
        assert Decision.objects.get().trace_id == trace


def test_the_decision_can_be_read_again_word_for_word(shop: Shop, post: Post, client: Client) -> None:
    scored = post(shop, shop.payment())
    read = get_decision(client, shop, scored.json()["decision_id"])
    assert read.status_code == 200
    assert read.content == scored.content
    assert read.headers["Cache-Control"] == "no-store"


def test_another_tenants_decision_is_not_there(shop: Shop, other_shop: Shop, post: Post, client: Client) -> None:
    decision_id = post(shop, shop.payment()).json()["decision_id"]
    answer = get_decision(client, other_shop, decision_id)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_what_is_no_decision_is_404(shop: Shop, client: Client) -> None:
    for wrong in ("dec_0", "dec_999999999999999999999", "12", "dec_1 or 1", "dec_-1", "dec_sandbox_allow_eA", "%00"):
        assert get_decision(client, shop, wrong).status_code == 404, wrong


def test_another_tenants_customer_is_unknown(shop: Shop, other_shop: Shop, post: Post) -> None:
    answer = post(other_shop, shop.payment())
    assert answer.status_code == 400
    assert "is not a known customer" in answer.json()["detail"]
    with tenant_scope(other_shop.tenant.pk):
        assert not Payment.objects.exists()


def test_the_same_payment_again_keeps_its_decision_without_a_key(shop: Shop, post: Post) -> None:
    payment = shop.payment()
    first, again = post(shop, payment), post(shop, payment)
    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


def test_the_same_payment_with_another_amount_is_a_conflict(shop: Shop, post: Post) -> None:
    payment = shop.payment()
    post(shop, payment)
    answer = post(shop, payment | {"amount": "99.00"})
    assert answer.status_code == 409
    assert "another amount" in answer.json()["detail"]


def test_an_address_is_turned_into_its_country_and_stored_as_a_hash_only(shop: Shop, post: Post) -> None:
    assert post(shop, shop.payment(ip_address="::ffff:8.8.8.8")).status_code == 200
    assert post(shop, shop.payment(ip_address="8.8.8.8")).status_code == 200
    with tenant_scope(shop.tenant.pk):
        first, second = Payment.objects.order_by("pk")
    assert first.ip_country == second.ip_country == "US"
    assert bytes(first.ip_hash) == bytes(second.ip_hash)


def test_other_methods_are_told_which_one_it_takes(shop: Shop, client: Client) -> None:
    for path in ("score", "score/batch", "fraud-alerts/check"):
        answer = client.get(f"/api/v1/{path}", headers=shop.headers())
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "POST"
        assert answer.json()["code"] == "method_not_allowed"


def test_a_decision_cannot_be_posted_to(shop: Shop, client: Client) -> None:
    assert client.post("/api/v1/decisions/dec_1", headers=shop.headers()).status_code == 405


def test_the_programs_own_door_answers_alike(shop: Shop, rf: RequestFactory) -> None:
    """As the server calls it: with the middleware that calls to the API really pass, and no other."""
    body = json.dumps(shop.payment()).encode()
    asked = rf.post("/api/v1/score", body, content_type="application/json", headers=shop.headers())
    said: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
        said.update({"status": status, **{name.lower(): value for name, value in headers}})

    answer = b"".join(application(asked.environ, start))
    assert said["status"] == "200 OK"
    assert json.loads(answer)["decision"] == "ALLOW"
    assert said["cache-control"] == "no-store"
    assert len(said["x-trace-id"]) == 32
    assert "set-cookie" not in said
