"""Merchants and products: edited by administrators, deleted only while nothing points at them."""

from __future__ import annotations

import pytest

from apps.compliance.models import AuditEntry, User
from apps.payments.models import Merchant, Product
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.conftest import ClientOf
from tests.admin.pages import list_url, object_url
from tests.admin.sql import statements
from tests.admin.world import World

MERCHANT = {
    "external_id": "M777",
    "name": "Nouvelle boutique",
    "country": "FR",
    "size": "small",
    "industry": "",
    "mcc": "",
}


def test_an_administrator_adds_a_merchant_to_their_tenant(
    world: World, client_of: ClientOf, cast: dict[str, User]
) -> None:
    assert client_of("administrator").post("/admin/payments/merchant/add/", MERCHANT).status_code == 302
    with tenant_scope(world.tenant.pk):
        merchant = Merchant.objects.get(external_id="M777")
    assert merchant.tenant == world.tenant
    entry = AuditEntry.objects.get(
        content_type__model="merchant", object_pk=str(merchant.pk), action=AuditEntry.Action.CREATE
    )
    assert (entry.actor, entry.tenant) == (cast["administrator"], world.tenant)


@pytest.mark.parametrize("wrong", [{"country": "France"}, {"mcc": "57"}, {"external_id": "M001"}, {"name": ""}])
def test_wrong_values_are_told_at_the_field(wrong: dict[str, str], world: World, client_of: ClientOf) -> None:
    answer = client_of("administrator").post("/admin/payments/merchant/add/", {**MERCHANT, **wrong})
    assert answer.status_code == 200
    assert "errornote" in answer.content.decode()


@pytest.mark.parametrize("name", ["merchant", "product"])
def test_what_is_in_use_is_not_deleted(name: str, world: World, client_of: ClientOf) -> None:
    client, row = client_of("administrator"), getattr(world, name)
    with statements() as sent:
        client.post(object_url(row, "delete"), {"post": "yes"})
        client.post(list_url(row), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    with tenant_scope(world.tenant.pk):
        assert type(row).objects.filter(pk=row.pk).exists()
    reading = [sql for sql in sent if 'FROM "payments_payment"' in sql and "LIMIT" not in sql]
    assert not reading, "one row tells that it is in use; none else is read"


def test_what_nothing_points_at_is_deleted(world: World, client_of: ClientOf) -> None:
    with tenant_scope(world.tenant.pk):
        product = Product.objects.create(
            external_id="P9",
            name="Unsold",
            category="x",
            unit_price=1,
            currency_id="EUR",
            created_at=world.order.placed_at,
        )
    assert client_of("administrator").post(object_url(product, "delete"), {"post": "yes"}).status_code == 302
    with tenant_scope(world.tenant.pk):
        assert not Product.objects.filter(pk=product.pk).exists()


def test_the_outsider_completes_nothing_of_this_tenant(world: World, client_of: ClientOf) -> None:
    question = {"app_label": "payments", "model_name": "payment", "field_name": "customer", "term": "C00042"}
    assert "C00042" in client_of("analyst").get("/admin/autocomplete/", question).content.decode()
    assert "C00042" not in client_of("outsider").get("/admin/autocomplete/", question).content.decode()
    assert client_of("developer").get("/admin/autocomplete/", question).status_code == 403
