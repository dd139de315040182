"""One decision's page: what was decided and why, told to whoever may see payments; made again on demand."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from django.db import connection
from django.urls import reverse

from apps.fraud.engine.features.catalogue import FEATURES, INDEX
from apps.fraud.models import Decision
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.conftest import ClientOf
from tests.admin.pages import list_url, object_url
from tests.admin.world import SECRETS, World


def read(client_of: ClientOf, url: str, role: str = "analyst", language: str = "en") -> str:
    client = client_of(role)
    client.cookies["django_language"] = language
    return client.get(url, headers={"accept-language": language}).content.decode()


def alter(decision: Decision, **columns: Any) -> None:
    """By somebody who owns the database: the trigger stops everybody else."""
    with tenant_scope(decision.tenant_id), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE fraud_decision DISABLE TRIGGER kvt_decisions_stay")
        Decision.objects.filter(pk=decision.pk).update(**columns)
        cursor.execute("ALTER TABLE fraud_decision ENABLE TRIGGER kvt_decisions_stay")


def test_the_page_tells_why_what_would_have_turned_it_and_from_what(world: World, client_of: ClientOf) -> None:
    html = read(client_of, object_url(world.decision))
    for text in (
        f"dec_{world.decision.pk}", "PAY0000042", "To check", "BIG_AMOUNT", "amount_eur &gt; 1000",
        "Under 1,000.01\u00a0€<", "Allowed", "own #1", "0.300", "4.32 ms", "Feature state", "AL00042",
    ):  # fmt: skip
        assert text in html, text
    assert all(f">{feature.name}<" in html for feature in FEATURES)


def test_the_page_speaks_french(world: World, client_of: ClientOf) -> None:
    html = read(client_of, object_url(world.decision), language="fr")
    assert "Moins de 1\u202f000,01\u00a0€<" in html
    assert "Montant en euros, au cours de référence" in html


def test_a_rules_sentence_is_text_and_never_markup(world: World, client_of: ClientOf) -> None:
    html = read(client_of, object_url(world.decision))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert(1)" not in html


def test_digits_of_a_card_show_to_those_who_may_reveal(world: World, client_of: ClientOf) -> None:
    url = object_url(world.decision)
    assert SECRETS["bin"] in read(client_of, url, "analyst")
    assert SECRETS["bin"] not in read(client_of, url, "read_only")


def test_made_again_it_is_identical(world: World, client_of: ClientOf) -> None:
    url = object_url(world.decision)
    assert "identical to the byte" not in read(client_of, url)
    assert "identical to the byte" in read(client_of, f"{url}?replay=1")


def test_made_again_what_differs_is_shown(world: World, client_of: ClientOf) -> None:
    with tenant_scope(world.tenant.pk):
        row = msgspec.msgpack.decode(bytes(Decision.objects.get(pk=world.decision.pk).features))
    row[INDEX["amount_eur"]] = 5.0
    alter(world.decision, features=msgspec.msgpack.encode(row))
    html = read(client_of, f"{object_url(world.decision)}?replay=1")
    assert "it is not what is stored" in html
    assert "identical to the byte" not in html


@pytest.mark.parametrize("column", [{"catalogue_version": "0" * 12}, {"ruleset_number": 99}, {"judgement": "{}"}])
def test_what_cannot_be_read_any_more_is_said_so(world: World, client_of: ClientOf, column: dict[str, Any]) -> None:
    alter(world.decision, **column)
    client = client_of("analyst")
    answer = client.get(f"{object_url(world.decision)}?replay=1")
    assert answer.status_code == 200
    assert "kvt-note" in answer.content.decode()


def test_the_decision_stands_on_its_payments_and_its_alerts_page(world: World, client_of: ClientOf) -> None:
    for row in (world.payment, world.alert):
        assert object_url(world.decision) in read(client_of, object_url(row))


def test_a_payment_that_nobody_decided_on_says_so(world: World, client_of: ClientOf) -> None:
    alter(world.decision)
    with tenant_scope(world.tenant.pk), connection.cursor() as cursor:
        cursor.execute("DELETE FROM fraud_decision WHERE payment_id = %s", [world.decision.pk])
    assert "without being decided on" in read(client_of, object_url(world.payment))
    assert client_of("analyst").get(object_url(world.alert)).status_code == 200


@pytest.mark.parametrize("term", ["PAY0000042", "dec_{pk}"])
def test_a_decision_is_found_by_its_number_and_by_its_payment(world: World, client_of: ClientOf, term: str) -> None:
    url = f"{list_url(world.decision)}?q={term.format(pk=world.decision.pk)}"
    assert object_url(world.decision) in read(client_of, url)
    assert object_url(world.decision) not in read(client_of, f"{list_url(world.decision)}?q=PAY")


@pytest.mark.parametrize(("query", "found"), [("outcome=1", True), ("outcome=2", False), ("degraded=True", False),
                                              ("source=api", True), ("period=2026-01", True)])  # fmt: skip
def test_the_list_is_filtered(world: World, client_of: ClientOf, query: str, found: bool) -> None:
    assert (object_url(world.decision) in read(client_of, f"{list_url(world.decision)}?{query}")) is found


@pytest.mark.parametrize("number", ["0", "999999999", "abc", "9" * 30, "%00"])
def test_a_number_that_is_none_leads_back(world: World, client_of: ClientOf, number: str) -> None:
    url = reverse("admin:fraud_decision_change", args=["1"]).replace("/1/", f"/{number}/")
    assert client_of("analyst").get(url).status_code in {302, 404}


def test_an_outsider_sees_no_decision_nor_makes_it_again(world: World, client_of: ClientOf) -> None:
    client = client_of("outsider")
    for query in ("", "?replay=1"):
        answer = client.get(object_url(world.decision) + query)
        assert answer.status_code == 302
        assert "BIG_AMOUNT" not in answer.content.decode()
    assert object_url(world.decision) not in client.get(list_url(world.decision)).content.decode()


def test_nobody_writes_to_a_decision(world: World, client_of: ClientOf) -> None:
    client = client_of("lead")
    assert client.post(object_url(world.decision), {"outcome": 0}).status_code == 403
    assert client.post(object_url(world.decision, "delete")).status_code == 403
