"""`manage.py api_key`: keys for those who set the product up without a browser."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.compliance.models import ApiKey, Tenant
from apps.compliance.services.api_keys import key_hash
from kivendtout.lib.tenancy import tenant_scope

pytestmark = pytest.mark.django_db


def api_key(*words: str, tenant: str = "kivendtout") -> dict[str, Any]:
    out = StringIO()
    call_command("api_key", *words, "--tenant", tenant, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_it_makes_a_key_and_tells_it_once(in_tenant: Tenant) -> None:
    made = api_key("create", "--name", "Till", "--sandbox", "--scope", "score", "--expires-in-days", "30")
    row = ApiKey.objects.get()
    assert bytes(row.secret_hash) == key_hash(made["key"])
    assert made["key"].startswith(f"{row.prefix}_")
    assert (made["sandbox"], made["scopes"]) == (True, ["score"])
    assert made["expires_at"] is not None
    assert "key" not in api_key("list")["api_keys"][0]


def test_it_revokes_by_the_beginning_of_the_key(in_tenant: Tenant) -> None:
    made = api_key("create", "--name", "Till")
    assert api_key("revoke", "--prefix", made["prefix"])["revoked_at"]
    assert ApiKey.objects.get().revoked_at is not None


def test_another_tenants_key_is_not_found(in_tenant: Tenant, neighbour: Tenant) -> None:
    made = api_key("create", "--name", "Till")
    with pytest.raises(CommandError, match="No key of this tenant"):
        api_key("revoke", "--prefix", made["prefix"], tenant=neighbour.slug)
    assert api_key("list", tenant=neighbour.slug) == {"api_keys": []}
    with tenant_scope(in_tenant.pk):
        assert ApiKey.objects.get().revoked_at is None


def test_mistakes_are_told(in_tenant: Tenant) -> None:
    with pytest.raises(CommandError, match="no tenant with this slug"):
        api_key("list", tenant="nobody")
    with pytest.raises(CommandError, match="name is empty"):
        api_key("create")
