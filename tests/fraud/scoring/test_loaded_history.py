"""A history loaded from files comes in by another door than scoring: feature state must not believe it knows it all."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.compliance.models import Tenant
from apps.fraud.services.feature_state import state_rebuild
from apps.fraud.state.live_state import live_state
from kivendtout.lib.clock import now
from tests.ingestion.conftest import Load
from tests.ingestion.dataset import write_dataset

pytestmark = pytest.mark.django_db


def test_a_load_of_new_payments_makes_feature_state_learn_anew(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    state_rebuild(tenant_id=tenant.pk, now=now())
    assert live_state().state.is_warm(tenant.pk)
    load(write_dataset(tmp_path / "export"))
    assert not live_state().state.is_warm(tenant.pk)


def test_a_load_that_brings_nothing_new_leaves_it_alone(load: Load, tenant: Tenant, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "export")
    load(folder)
    state_rebuild(tenant_id=tenant.pk, now=now())
    load(folder)
    assert live_state().state.is_warm(tenant.pk)
