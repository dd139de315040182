from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from apps.compliance.models import Tenant
from kivendtout.lib.live_threads import close_connections


@pytest.fixture(autouse=True)
def _own_corner_of_redis(settings: Any) -> None:
    """Each test its own groups: tenants of parallel tests have the same numbers."""
    layer = settings.CHANNEL_LAYERS["default"]
    config = {**layer["CONFIG"], "prefix": f"test-{uuid4().hex}"}
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": config}}


@pytest.fixture
async def _connections(transactional_db: None) -> AsyncIterator[None]:
    """The thread that serves synchronous code has a database connection of its own: it must not outlive the test."""
    yield
    await sync_to_async(connections.close_all)()
    close_connections()


@pytest.fixture
async def kvt(_connections: None) -> Tenant:
    return await Tenant.objects.acreate(slug="kvt", name="KiVendTout")


@pytest.fixture
async def voisin(_connections: None) -> Tenant:
    return await Tenant.objects.acreate(slug="voisin", name="Voisin")
