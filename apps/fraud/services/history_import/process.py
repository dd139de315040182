"""Where a process of the replay begins. Imports nothing of ours before settings are there, which much of it reads."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from django.conf import settings


def begin(pipe: Connection, claimed: Any) -> None:
    assert settings.INSTALLED_APPS  # reading one loads them all
    from apps.fraud.services.history_import.workers import work

    work(pipe, claimed)
