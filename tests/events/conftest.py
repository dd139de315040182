from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from kivendtout.lib.events import registry as registry_module
from tests.events.apicurio import Apicurio, why_no_registry
from tests.events.registry_server import RegistryServer


@pytest.fixture
def registry(settings: Any) -> Iterator[RegistryServer]:
    """A small one that follows the documented API, set as ours."""
    registry_module._registry.cache_clear()  # a port may have been another server's before
    server = RegistryServer()
    settings.SCHEMA_REGISTRY_URL = server.url
    yield server
    server.stop()


@pytest.fixture(scope="session")
def real_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apicurio]:
    if reason := why_no_registry():
        pytest.skip(reason)
    server = Apicurio(tmp_path_factory.mktemp("registry") / "apicurio.log").start()
    yield server
    server.stop()


@pytest.fixture(
    params=["documented", pytest.param("apicurio", marks=[pytest.mark.slow, pytest.mark.xdist_group("apicurio")])]
)
def registry_url(request: pytest.FixtureRequest) -> str:
    name = "registry" if request.param == "documented" else "real_registry"
    url: str = request.getfixturevalue(name).url
    return url


@pytest.fixture
def subject() -> str:
    """One of the test's own: a registry forgets nothing."""
    return f"test-{uuid.uuid4().hex[:8]}-value"
