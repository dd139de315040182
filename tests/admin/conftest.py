from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from apps.compliance.models import Tenant, User
from tests.admin.world import World, make_world

ClientOf = Callable[[str], Client]


@pytest.fixture
def world(tenant: Tenant) -> World:
    return make_world(tenant)


@pytest.fixture
def client_of(cast: dict[str, User], outsider: User) -> ClientOf:
    """A signed-in browser of one of the cast, reading English."""

    def sign_in(name: str) -> Client:
        client = Client(headers={"accept-language": "en"})
        client.cookies["django_language"] = "en"
        client.force_login(outsider if name == "outsider" else cast[name])
        return client

    return sign_in
