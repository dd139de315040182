"""Sandbox keys: documented answers, the same for ever, and nothing read or written for them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client

from apps.fraud.models import Decision
from apps.fraud.services import intake
from apps.payments.models import PaymentReference
from kivendtout.lib.tenancy import tenant_scope
from tests.fraud.api.conftest import Post, Shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    def touched(*_args: object, **_named: object) -> None:
        raise AssertionError("the sandbox reached the engine")

    monkeypatch.setattr(intake, "score", touched)
    monkeypatch.setattr(intake, "score_many", touched)
    monkeypatch.setattr("apps.fraud.api.views.payment_check", touched)
    return replace(shop, key=shop.sandbox_key)


def test_amounts_and_ids_choose_the_answer(sandbox: Shop, post: Post) -> None:
    for fields, decision, degraded in (
        ({"amount": "12.01"}, "ALLOW", False),
        ({"amount": "0.02"}, "CHALLENGE", False),
        ({"amount": "999.03"}, "DENY", False),
        ({"amount": "12.04"}, "CHALLENGE", True),
        ({"amount": "12.34"}, "ALLOW", False),
        ({"amount": "12.030", "currency": "TND"}, "DENY", False),
        ({"payment_id": "sandbox_deny_1", "amount": "12.01"}, "DENY", False),
        ({"payment_id": "sandbox_allow_1", "amount": "12.03"}, "ALLOW", False),
        ({"payment_id": "sandbox_degraded_1"}, "CHALLENGE", True),
        ({"payment_id": "sandbox_challenge_é"}, "CHALLENGE", False),
        ({"payment_id": "sandbox_other_1", "amount": "1", "currency": "JPY"}, "ALLOW", False),
    ):
        told = post(sandbox, sandbox.payment(**fields)).json()
        assert (told["decision"], told["degraded"]) == (decision, degraded), fields


def test_an_outage_can_be_tried_out(sandbox: Shop, post: Post) -> None:
    for fields in ({"amount": "12.05"}, {"payment_id": "sandbox_down_1"}):
        answer = post(sandbox, sandbox.payment(**fields))
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0


def test_its_decisions_can_be_read_again_and_are_no_live_ones(
    sandbox: Shop, shop: Shop, post: Post, client: Client
) -> None:
    payment = sandbox.payment(amount="7.03")
    first = post(sandbox, payment)
    assert post(sandbox, payment).content == first.content
    where = f"/api/v1/decisions/{first.json()['decision_id']}"
    assert first.json()["decision_id"].startswith("dec_sandbox_")
    assert client.get(where, headers=sandbox.headers()).content == first.content
    assert client.get(where, headers=shop.headers()).status_code == 404
    assert client.get(f"{where}x", headers=sandbox.headers()).status_code == 404
    for wrong in ("dec_1", "dec_sandbox_", "dec_sandbox_deny_%%%", "dec_sandbox_down_eA", "dec_sandbox_deny_é"):
        assert client.get(f"/api/v1/decisions/{wrong}", headers=sandbox.headers()).status_code == 404, wrong


def test_batches_and_checks_play_too(sandbox: Shop, post: Post) -> None:
    batch = [sandbox.payment(amount=f"1.0{n}") for n in range(1, 6)]
    told = post(sandbox, batch, path="score/batch").json()
    assert [one.get("decision") for one in told["results"]] == ["ALLOW", "CHALLENGE", "DENY", "CHALLENGE", None]
    assert told["results"][4]["status"] == 503
    checked = post(sandbox, batch[2], path="fraud-alerts/check").json()
    assert (checked["decision"], checked["decision_id"]) == ("DENY", None)


def test_bodies_are_checked_as_strictly_as_live_ones(sandbox: Shop, post: Post) -> None:
    assert post(sandbox, sandbox.payment(cvv="123")).json()["code"] == "card_data"
    assert post(sandbox, sandbox.payment(amount=1)).json()["field"] == "amount"


def test_nothing_is_recorded(sandbox: Shop, post: Post) -> None:
    post(sandbox, sandbox.payment(), idempotency_key="k")
    with tenant_scope(sandbox.tenant.pk):
        assert not PaymentReference.objects.exists()
        assert not Decision.objects.exists()


def test_a_sandbox_answer_has_the_same_fields_as_a_live_one(shop: Shop, post: Post) -> None:
    live = post(shop, shop.payment()).json()
    played = post(replace(shop, key=shop.sandbox_key), shop.payment()).json()
    assert set(played) == set(live)
