"""The day in figures for sockets: the same for everybody of a tenant and language, so read once for all of them."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.cache import cache
from django.utils import translation

from apps.payments.selectors.activity import activity_tiles
from kivendtout.lib.clock import now
from kivendtout.lib.tenancy import tenant_scope

FRESH_SECONDS = 5

log = structlog.get_logger(__name__)


def tiles_cached(tenant_id: int, language: str) -> list[dict[str, Any]]:
    """A dead Redis costs four queries, not the figures."""
    key = f"activity-tiles:{tenant_id}:{language}"
    try:
        kept: list[dict[str, Any]] | None = cache.get(key)
    except Exception as error:
        log.warning("cache_away", error=type(error).__name__)
        return _tiles(tenant_id, language)
    if kept is not None:
        return kept
    tiles = _tiles(tenant_id, language)
    try:
        cache.set(key, tiles, timeout=FRESH_SECONDS)
    except Exception as error:
        log.warning("cache_away", error=type(error).__name__)
    return tiles


def _tiles(tenant_id: int, language: str) -> list[dict[str, Any]]:
    with tenant_scope(tenant_id), translation.override(language):
        return activity_tiles(now=now())
