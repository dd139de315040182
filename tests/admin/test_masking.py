"""What is classified does not show, wherever one looks; revealed, it shows once and is written down."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client

from apps.compliance.models import AuditEntry, User
from apps.customers.models import Customer
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.conftest import ClientOf
from tests.admin.pages import HISTORY, list_url, object_url, one_of_each
from tests.admin.sql import statements
from tests.admin.world import MERCHANT, NAME, SECRETS, World

CARD = {"bin", "last_four"}
REASON = "Customer asked us to correct their address"


def shown_in(html: str, names: set[str]) -> set[str]:
    return {name for name in names if SECRETS[name] in html}


@pytest.mark.parametrize("role", ["read_only", "administrator", "analyst", "compliance_officer"])
def test_no_page_shows_personal_data(role: str, world: World, cast: dict[str, User], client_of: ClientOf) -> None:
    client = client_of(role)
    hidden = set(SECRETS) - (CARD if role in {"analyst", "compliance_officer"} else set())
    for row in one_of_each(world, cast["read_only"]).values():
        for url in (list_url(row), object_url(row), object_url(row, "history")):
            html = client.get(url).content.decode()
            assert not shown_in(html, hidden), url
            assert "1987" not in html


def test_card_digits_show_to_those_who_may_reveal(world: World, client_of: ClientOf) -> None:
    url = object_url(world.payment)
    assert shown_in(client_of("analyst").get(url).content.decode(), CARD) == CARD
    assert shown_in(client_of("read_only").get(url).content.decode(), CARD) == set()


def test_a_list_decrypts_nothing(world: World, client_of: ClientOf) -> None:
    client = client_of("analyst")
    for row in (world.customer, world.payment, world.address, world.session, world.method, world.order):
        with statements() as sent:
            client.get(list_url(row))
        assert not [sql for sql in sent if "kvt_decrypt" in sql], list_url(row)


def test_reveal_shows_the_values_once_and_writes_it_down(
    world: World, client_of: ClientOf, cast: dict[str, User]
) -> None:
    client = client_of("analyst")
    url = object_url(world.customer, "reveal")
    assert not shown_in(client.get(url).content.decode(), set(SECRETS))
    answer = client.post(url, {"reason": REASON})
    assert shown_in(answer.content.decode(), {"first_name", "last_name", "email", "phone"}) == {
        "first_name", "last_name", "email", "phone",
    }  # fmt: skip
    assert "no-store" in answer["Cache-Control"]
    entry = AuditEntry.objects.get(action=AuditEntry.Action.ACCESS)
    assert (entry.actor, entry.tenant, entry.object_pk) == (cast["analyst"], world.tenant, str(world.customer.pk))
    assert entry.additional_data["reason"] == REASON
    assert "email" in entry.additional_data["fields"]
    assert entry.cid
    assert len(entry.address_hash) == 36
    assert not shown_in(str(entry.additional_data), set(SECRETS))
    assert not shown_in(client.get(url).content.decode(), set(SECRETS))


@pytest.mark.parametrize("name", ["address", "method", "device"])
def test_other_records_reveal_their_own_values(name: str, world: World, client_of: ClientOf) -> None:
    html = client_of("lead").post(object_url(getattr(world, name), "reveal"), {"reason": REASON}).content.decode()
    expected = {"address": {"street", "city", "postal_code"}, "method": CARD, "device": {"fingerprint"}}[name]
    assert shown_in(html, expected) == expected


@pytest.mark.parametrize("reason", ["", "          ", "because", "x" * 301])
def test_without_a_reason_nothing_is_revealed(reason: str, world: World, client_of: ClientOf) -> None:
    answer = client_of("analyst").post(object_url(world.customer, "reveal"), {"reason": reason})
    assert not shown_in(answer.content.decode(), set(SECRETS))
    assert not AuditEntry.objects.filter(action=AuditEntry.Action.ACCESS).exists()


@pytest.mark.parametrize("role", ["read_only", "administrator", "developer"])
def test_roles_without_the_right_are_refused(role: str, world: World, client_of: ClientOf) -> None:
    client = client_of(role)
    assert client.post(object_url(world.customer, "reveal"), {"reason": REASON}).status_code == 403
    assert object_url(world.customer, "reveal") not in client.get(object_url(world.customer)).content.decode()
    assert not AuditEntry.objects.filter(action=AuditEntry.Action.ACCESS).exists()


def test_reveal_asks_for_the_csrf_token(world: World, cast: dict[str, User]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast["analyst"])
    assert client.post(object_url(world.customer, "reveal"), {"reason": REASON}).status_code == 403
    assert not AuditEntry.objects.filter(action=AuditEntry.Action.ACCESS).exists()


def test_an_unreadable_value_says_so(world: World, client_of: ClientOf) -> None:
    sealed_with_a_lost_key = "\\x01ffffffff00"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE customers_customer SET email = %s::text::bytea WHERE id = %s",
            [sealed_with_a_lost_key, world.customer.pk],
        )
    html = client_of("analyst").get(object_url(world.customer)).content.decode()
    assert "[unreadable: customers_customer.email" in html
    assert not shown_in(html, set(SECRETS) - CARD)


def test_names_that_are_markup_stay_text(world: World, cast: dict[str, User], client_of: ClientOf) -> None:
    with tenant_scope(world.tenant.pk):
        Customer.objects.filter(pk=world.customer.pk).update(first_name=NAME)
    client = client_of("analyst")
    pages = [
        client.get(url)
        for row in one_of_each(world, cast["read_only"]).values()
        for url in (list_url(row), object_url(row))
    ]
    pages.append(client.post(object_url(world.customer, "reveal"), {"reason": REASON}))
    for page in pages:
        html = page.content.decode()
        assert NAME not in html
        assert MERCHANT not in html
    assert "&lt;script&gt;" in pages[-1].content.decode()


def test_filters_cannot_probe_what_is_masked(world: World, client_of: ClientOf) -> None:
    client = client_of("read_only")
    for url, query in (
        (list_url(world.method), "last_four=6183"),
        (list_url(world.method), "bin__startswith=4970"),
        (list_url(world.address), "city=Trifouillis"),
        (list_url(world.payment), "method__last_four=6183"),
        (list_url(world.customer), "email=a@b.example"),
        (list_url(world.payment), "customer__phone__isnull=1"),
    ):
        assert client.get(f"{url}?{query}").status_code == 400, query


@pytest.mark.parametrize("name", HISTORY)
def test_history_is_not_rewritten_even_by_a_superuser(name: str, world: World, cast: dict[str, User]) -> None:
    boss = cast["administrator"]
    boss.is_superuser = True
    boss.save()
    client, row = Client(), getattr(world, name)
    client.force_login(boss)
    for page in ("change", "delete"):
        assert client.post(object_url(row, page), {"status": "failed", "post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    client.post(list_url(row), action)
    with tenant_scope(world.tenant.pk):
        assert type(row).objects.filter(pk=row.pk).exists()
