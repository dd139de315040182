"""A history loaded from files comes in by another door than scoring: feature state must not believe it knows it all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.compliance.models import Tenant
from apps.fraud.services.feature_state import state_forget, state_rebuild
from apps.fraud.state.live_state import live_state
from kivendtout.lib.clock import now
from tests.ingestion.conftest import Load
from tests.ingestion.dataset import write_dataset

pytestmark = pytest.mark.django_db


def test_a_load_of_new_payments_makes_feature_state_learn_anew(
    load: Load, tenant: Tenant, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    state_rebuild(tenant_id=tenant.pk, now=now())
    assert live_state().state.is_warm(tenant.pk)
    with django_capture_on_commit_callbacks(execute=True):
        load(write_dataset(tmp_path / "export"))
    assert not live_state().state.is_warm(tenant.pk)


def test_a_load_that_brings_nothing_new_leaves_it_alone(
    load: Load, tenant: Tenant, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    folder = write_dataset(tmp_path / "export")
    load(folder)
    state_rebuild(tenant_id=tenant.pk, now=now())
    with django_capture_on_commit_callbacks(execute=True):
        load(folder)
    assert live_state().state.is_warm(tenant.pk)


def test_a_rebuild_that_was_under_way_while_a_history_came_in_begins_again(
    load: Load, tenant: Tenant, tmp_path: Path
) -> None:
    load(write_dataset(tmp_path / "export"))
    told: list[int] = []

    def progress(payments: int, _labels: int) -> None:
        if not told:
            state_forget(tenant_id=tenant.pk)
        told.append(payments)

    rebuilt = state_rebuild(tenant_id=tenant.pk, now=now(), progress=progress)
    assert told.count(rebuilt.payments) >= 2
    assert live_state().state.is_warm(tenant.pk)


def test_a_rebuild_that_redis_forgot_at_the_last_moment_is_not_believed(tenant: Tenant) -> None:
    state = live_state().state
    state_forget(tenant_id=tenant.pk)
    assert not state.rebuilt(tenant.pk)
    assert not state.is_warm(tenant.pk)
