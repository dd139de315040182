"""The fixed cast: one tenant with a person per role, a neighbour tenant with an outsider, and a payment of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import Group

from apps.compliance.models import Tenant, User
from apps.compliance.roles import ROLES
from kivendtout.lib.tenancy import tenant_scope
from tests.reference_data import restore_reference_data

PASSWORD = "correct horse battery staple"
NOON = datetime(2025, 12, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _reference_data(request: pytest.FixtureRequest) -> None:
    """A transactional test empties every table behind it, groups and reference tables included: put them back."""
    marker = request.node.get_closest_marker("django_db")
    if (marker and marker.kwargs.get("transaction")) or "transactional_db" in request.fixturenames:
        request.getfixturevalue("transactional_db")
        restore_reference_data()


@pytest.fixture(scope="session", autouse=True)
def _forget_feature_state() -> Iterator[None]:
    """What tests told Redis goes with them; it has a namespace of its own."""
    yield
    client = redis.Redis.from_url(settings.REDIS_URL)
    with suppress(redis.RedisError):  # a test that needs Redis has said so by itself
        for key in client.scan_iter(match=f"*{settings.STATE_NAMESPACE}*", count=5_000):
            client.delete(key)


@pytest.fixture
def tenant(db: None) -> Tenant:
    return Tenant.objects.create(slug="kivendtout", name="KiVendTout")


@pytest.fixture
def neighbour(db: None) -> Tenant:
    """Another organisation on the same database."""
    return Tenant.objects.create(slug="voisin", name="Voisin & Cie")


@pytest.fixture
def in_tenant(tenant: Tenant) -> Iterator[Tenant]:
    with tenant_scope(tenant.pk):
        yield tenant


def make_person(tenant: Tenant, role: str) -> User:
    staff = next(one.staff for one in ROLES if one.code == role)
    person = User.objects.create_user(f"{role}@{tenant.slug}.example", PASSWORD, tenant=tenant, is_staff=staff)
    person.groups.add(Group.objects.get(name=role))
    return person


@pytest.fixture
def cast(tenant: Tenant) -> dict[str, User]:
    return {role.code: make_person(tenant, role.code) for role in ROLES}


@pytest.fixture
def analyst(tenant: Tenant) -> User:
    return make_person(tenant, "analyst")


@pytest.fixture
def outsider(neighbour: Tenant) -> User:
    """A team lead, with every right of one, in the neighbour's organisation."""
    return make_person(neighbour, "lead")


@pytest.fixture
def payment(in_tenant: Tenant) -> Any:
    from tests.factories import make_payment

    return make_payment(in_tenant)
