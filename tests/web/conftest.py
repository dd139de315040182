from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest


@pytest.fixture(autouse=True)
def _own_corner_of_redis(settings: Any) -> None:
    """Each test its own keys and groups: tenants of parallel tests have the same numbers."""
    corner = f"test-{uuid4().hex}"
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": corner, "TIMEOUT": 60}}
    layer = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {**layer["CONFIG"], "prefix": corner}}}
