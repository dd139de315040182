"""Keys in the admin site: shown once, revoked for good, an administrator's business, on record."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from apps.compliance.models import ApiKey, AuditEntry, Tenant, User
from apps.compliance.services.api_keys import InvalidApiKey, api_key_create, api_key_revoke, key_hash
from kivendtout.lib.clock import now
from kivendtout.lib.errors import NotAllowed
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.conftest import ClientOf

pytestmark = pytest.mark.django_db
ADD = "/admin/compliance/apikey/add/"
KEY = re.compile(r"kvt_(?:live|test)_\w{8}_\w{43}")


def make_key(tenant: Tenant) -> ApiKey:
    return api_key_create(tenant_id=tenant.pk, name="Checkout", now=now())[0]


def page(key: ApiKey, name: str = "change") -> str:
    return reverse(f"admin:compliance_apikey_{name}", args=[key.pk])


def test_an_administrator_makes_a_key_and_sees_it_once(tenant: Tenant, client_of: ClientOf) -> None:
    client = client_of("administrator")
    answer = client.post(ADD, {"name": "Checkout", "scopes": ["score"], "sandbox": "on"})
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    [shown] = set(KEY.findall(answer.content.decode()))
    with tenant_scope(tenant.pk):
        key = ApiKey.objects.get()
    assert bytes(key.secret_hash) == key_hash(shown)
    assert (key.prefix, key.scopes, key.sandbox) == (shown[:17], ["score"], True)
    assert key.created_by is not None
    for later in (page(key), page(key, "history"), reverse("admin:compliance_apikey_changelist")):
        told = client.get(later).content.decode()
        assert not KEY.search(told)
        assert shown.rpartition("_")[2] not in told
        assert key.prefix in told or later.endswith("history/")


def test_making_and_revoking_are_on_record_without_the_key(tenant: Tenant, client_of: ClientOf) -> None:
    client = client_of("administrator")
    client.post(ADD, {"name": "Checkout", "scopes": ["score"]})
    with tenant_scope(tenant.pk):
        key = ApiKey.objects.get()
    assert client.get(page(key, "revoke")).status_code == 200
    client.post(page(key, "revoke"))
    key.refresh_from_db()
    assert key.revoked_at is not None
    entries = AuditEntry.objects.filter(object_id=key.pk, content_type__model="apikey").order_by("pk")
    assert [entry.action for entry in entries] == [AuditEntry.Action.CREATE, AuditEntry.Action.UPDATE]
    assert {entry.actor_email for entry in entries} == {"administrator@kivendtout.example"}
    assert all("secret_hash" not in entry.changes for entry in entries)
    assert page(key, "revoke") not in client.get(page(key)).content.decode()


def test_a_form_that_is_wrong_makes_nothing(tenant: Tenant, client_of: ClientOf) -> None:
    client = client_of("administrator")
    for wrong in (
        {"name": "", "scopes": ["score"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "scopes": ["score"], "expires_at_0": "2020-01-01", "expires_at_1": "10:00"},
        {"name": "card 4111111111111111", "scopes": ["score"]},
    ):
        answer = client.post(ADD, wrong, follow=True)
        assert answer.status_code == 200
        assert not KEY.search(answer.content.decode())
    with tenant_scope(tenant.pk):
        assert not ApiKey.objects.exists()


def test_other_roles_neither_make_nor_revoke(tenant: Tenant, client_of: ClientOf) -> None:
    key = make_key(tenant)
    for role in ("analyst", "lead", "developer", "read_only", "compliance_officer", "partner"):
        client = client_of(role)
        assert client.post(ADD, {"name": "x", "scopes": ["score"]}).status_code == 403, role
        assert client.post(page(key, "revoke")).status_code == 403, role
    key.refresh_from_db()
    assert key.revoked_at is None


def test_the_outsider_reaches_no_key(tenant: Tenant, neighbour: Tenant, client_of: ClientOf, outsider: User) -> None:
    key = make_key(tenant)
    outsider.groups.add(Group.objects.get(name="administrator"))
    client = client_of("outsider")
    assert key.prefix not in client.get(reverse("admin:compliance_apikey_changelist")).content.decode()
    for name in ("change", "revoke", "history"):
        assert client.get(page(key, name)).status_code == 302
    client.post(page(key, "revoke"))
    key.refresh_from_db()
    assert key.revoked_at is None


def test_the_service_asks_for_the_right_itself(tenant: Tenant, analyst: User, outsider: User) -> None:
    key = make_key(tenant)
    for actor in (analyst, outsider):
        with pytest.raises(NotAllowed):
            api_key_create(tenant_id=tenant.pk, name="x", now=now(), actor=actor)
        with pytest.raises(NotAllowed):
            api_key_revoke(key=key, now=now(), actor=actor)


def test_the_service_refuses_what_makes_no_sense(tenant: Tenant) -> None:
    for wrong in ({"scopes": ()}, {"scopes": ("all",)}, {"expires_at": now() - timedelta(seconds=1)}):
        with pytest.raises(InvalidApiKey):
            api_key_create(tenant_id=tenant.pk, name="x", now=now(), **wrong)  # type: ignore[arg-type]


def test_revoking_twice_keeps_the_first_moment(tenant: Tenant) -> None:
    key = make_key(tenant)
    first = api_key_revoke(key=key, now=now()).revoked_at
    assert api_key_revoke(key=key, now=now() + timedelta(days=1)).revoked_at == first
