"""Role by role, page by page: who gets where in the admin site."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client

from apps.compliance.models import User
from apps.compliance.roles import BY_CODE, ROLES
from tests.admin.conftest import ClientOf
from tests.admin.pages import add_url, list_url, object_url, one_of_each
from tests.admin.world import World

STAFF = [role.code for role in ROLES if role.staff]
# Pages that no role has, whatever its permissions: reasons stand beside the code that forbids them.
NEVER_ADDED = {"fraud.fraudalert", "compliance.tenant"}
NEVER_DELETED = {"compliance.user", "payments.currency", "compliance.tenant", "fraud.fraudalert"}


def expected(role: str, label: str, verb: str) -> int:
    app, name = label.split(".")
    if (verb == "add" and label in NEVER_ADDED) or (verb == "delete" and label in NEVER_DELETED):
        return 403
    return 200 if f"{app}.{verb}_{name}" in BY_CODE[role].permissions else 403


@pytest.mark.parametrize("role", STAFF)
def test_each_role_reaches_its_pages_and_no_other(
    role: str, world: World, cast: dict[str, User], client_of: ClientOf
) -> None:
    client, wrong = client_of(role), []
    rows = one_of_each(world, cast["read_only"])
    reads_audit = 200 if "compliance.view_auditentry" in BY_CODE[role].permissions else 403
    assert {model._meta.label_lower for model in admin.site._registry} == set(rows)
    for label, row in rows.items():
        visits = {
            list_url(row): expected(role, label, "view"),
            object_url(row): expected(role, label, "view"),
            add_url(row): expected(role, label, "add"),
            object_url(row, "delete"): expected(role, label, "delete"),
            object_url(row, "history"): max(expected(role, label, "view"), reads_audit),
        }
        for url, status in visits.items():
            answer = client.get(url).status_code
            if answer != status:
                wrong.append((url, answer, status))
    assert not wrong


def test_a_partner_is_refused_and_a_stranger_sent_to_sign_in(world: World, client_of: ClientOf) -> None:
    for url in ("/admin/", list_url(world.payment), object_url(world.customer), object_url(world.customer, "reveal")):
        assert client_of("partner").get(url).status_code == 403
        answer = Client().get(url)
        assert answer.status_code == 302
        assert "/login/" in answer["location"]


def test_the_outsider_finds_nothing_of_this_tenant(world: World, cast: dict[str, User], client_of: ClientOf) -> None:
    client = client_of("outsider")
    rows = one_of_each(world, cast["read_only"])
    shared = {"payments.currency", "payments.paymentstatus", "payments.paymenttransition"}
    for label, row in rows.items():
        if label in shared or f"{label.split('.')[0]}.view_{label.split('.')[1]}" not in BY_CODE["lead"].permissions:
            continue
        for page in ("change", "delete", "history"):
            answer = client.get(object_url(row, page))
            assert answer.status_code in {302, 403}, (label, page)
            assert str(getattr(row, "external_id", "no such text")) not in answer.content.decode()
        listing = client.get(list_url(row)).content.decode()
        assert object_url(row) not in listing, label


def test_the_outsider_neither_reveals_nor_moves(world: World, client_of: ClientOf) -> None:
    client = client_of("outsider")
    for row, page in ((world.customer, "reveal"), (world.method, "reveal"), (world.payment, "status")):
        answer = client.post(object_url(row, page), {"reason": "curiosity about others", "to_status": "refunded"})
        assert answer.status_code in {302, 403}
        assert answer.headers.get("location", "/admin/").startswith("/admin/")
    world.payment.refresh_from_db()
    assert world.payment.status_id == "success"


def test_the_first_page_shows_what_the_person_may_open(world: World, client_of: ClientOf) -> None:
    developer = client_of("developer").get("/admin/").content.decode()
    assert "/admin/payments/merchant/" in developer
    assert "/admin/customers/customer/" not in developer


def test_other_tenants_people_are_absent_from_every_list(world: World, client_of: ClientOf, outsider: User) -> None:
    client = client_of("administrator")
    assert outsider.email not in client.get("/admin/compliance/user/").content.decode()
    assert outsider.email not in client.get("/admin/compliance/auditentry/").content.decode()
    assert client.get(object_url(outsider)).status_code == 302
    assert client.get(f"/admin/compliance/user/{outsider.pk}/password/").status_code in {302, 404}
