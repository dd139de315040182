"""A small shop's week: four customers, eight payments, two frauds known since. Every figure can be told by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from apps.compliance.models import Tenant
from apps.fraud.models import FraudLabel
from apps.fraud.services.history import EVER, Exported, Period, features_export
from apps.payments.models import Payment
from kivendtout.lib.tenancy import tenant_scope
from tests.factories import NOON, make_customer, make_payment

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def feature_cache(settings: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "features"
    settings.FEATURE_CACHE = str(folder)
    return folder


def pay(tenant: Tenant, customer: Any, euros: int, at: datetime, **fields: Any) -> Payment:
    return make_payment(tenant, customer=customer, amount=Decimal(euros), attempted_at=at, **fields)


def judge(payment: Payment, *, is_fraud: bool, known_at: datetime, source: str = "chargeback") -> None:
    with tenant_scope(payment.tenant_id):
        FraudLabel.objects.create(payment_id=payment.pk, is_fraud=is_fraud, known_at=known_at, source=source)


def make_shop(tenant: Tenant) -> dict[str, Payment]:
    ann, bob, eve, kim = (
        make_customer(tenant, external_id=name, registered_at=NOON - 90 * DAY) for name in ("ann", "bob", "eve", "kim")
    )
    payments = {
        "ann 20": pay(tenant, ann, 20, NOON, payment_country="FR"),
        "ann 150": pay(tenant, ann, 150, NOON + HOUR, payment_country="BE"),
        "bob 40": pay(tenant, bob, 40, NOON + DAY),
        "bob 300": pay(tenant, bob, 300, NOON + 2 * DAY),
        "eve 500": pay(tenant, eve, 500, NOON + 3 * DAY, payment_country="BE"),
        "eve 10": pay(tenant, eve, 10, NOON + 4 * DAY, payment_country="BE"),
        "eve 120": pay(tenant, eve, 120, NOON + 5 * DAY),
        "kim 60": pay(tenant, kim, 60, NOON + 6 * DAY),
    }
    judge(payments["eve 500"], is_fraud=True, known_at=NOON + 4 * DAY + HOUR)
    judge(payments["eve 10"], is_fraud=True, known_at=NOON + 20 * DAY)
    judge(payments["bob 300"], is_fraud=False, known_at=NOON + 20 * DAY)
    return payments


@pytest.fixture
def shop(in_tenant: Tenant) -> Tenant:
    make_shop(in_tenant)
    return in_tenant


def exported(tenant: Tenant, folder: Path, period: Period = EVER) -> tuple[Exported, pl.DataFrame]:
    path = folder / f"{tenant.slug}.parquet"
    done = features_export(tenant=tenant, path=path, period=period)
    return done, pl.read_parquet(path)
