"""GET /api/v1/decisions/{id}?include=explanation: why, in two languages, for the shop and for its customer."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.fraud.api.conftest import Post, Shop

pytestmark = pytest.mark.django_db(transaction=True)


def explained(client: Client, headers: dict[str, str], decision_id: str, query: str = "?include=explanation") -> Any:
    return client.get(f"/api/v1/decisions/{decision_id}{query}", headers=headers)


def test_the_explanation_comes_with_the_answer_only_when_it_is_asked_for(
    shop: Shop, other_shop: Shop, post: Post, client: Client
) -> None:
    scored = post(shop, shop.payment())
    decision_id = scored.json()["decision_id"]
    told = explained(client, shop.headers(), decision_id).json()
    explanation = told.pop("explanation")
    assert told == scored.json()
    assert set(explanation) == {"complete", "reasons", "customer_reasons", "customer_text"}
    assert explanation["complete"] is True
    assert explained(client, shop.headers(), decision_id, "").content == scored.content
    assert explained(client, other_shop.headers(), decision_id).status_code == 404
    for query in ("?include=everything", "?include=", "?include=explanation&include=more"):
        answer = explained(client, shop.headers(), decision_id, query)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), query


def test_the_sandbox_explains_in_the_same_shape(shop: Shop, post: Post, client: Client) -> None:
    headers = shop.headers(authorization=f"Bearer {shop.sandbox_key}")
    payment = shop.payment(amount="12.03")
    scored = client.post("/api/v1/score", payment, content_type="application/json", headers=headers).json()
    explanation = explained(client, headers, scored["decision_id"]).json()["explanation"]
    assert explanation["customer_reasons"][0]["code"] == "security_check"
    assert set(explanation["reasons"][0]) == {"kind", "code", "share", "settles", "sentence"}
