"""Lists over a history: as they stand now, each entry for the payments before it expires."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from apps.compliance.models import Tenant, User
from apps.customers.models import Device
from apps.fraud.models import FraudList
from apps.fraud.services.backtest import rule_backtest
from apps.fraud.state.list_keys import hashes_of
from apps.payments.models import Merchant
from kivendtout.lib.crypto.hashing import keyed_hash
from tests.conftest import make_person
from tests.factories import NOON, make_customer, make_method
from tests.fraud.backtest.conftest import DAY, HOUR, pay


def listed(tenant: Tenant, kind: str, value: str, expires_at: datetime | None = None) -> None:
    one, _new = FraudList.objects.get_or_create(code=kind, kind=kind, defaults={"effect": "watch", "name_fr": kind})
    kept: dict[str, Any] = {"value": value}
    if kind in ("email", "device", "card", "ip"):
        kept = {"value_hash": hashes_of(kind, value)[0]}
    person = User.objects.filter(tenant=tenant).first() or make_person(tenant, "lead")
    one.entries.create(**kept, reason="test", added_by=person, added_at=NOON - DAY, expires_at=expires_at)


def hits(tenant: Tenant, expression: str) -> int:
    return rule_backtest(tenant_id=tenant.pk, expression=expression).hits


@pytest.fixture
def visits(in_tenant: Tenant) -> Tenant:
    """One payment an hour, the first of which has everything that a list may look at."""
    eve = make_customer(in_tenant, external_id="eve", email="eve@example.org")
    device = Device.objects.create(fingerprint="D1", first_seen_at=NOON)
    shop = Merchant.objects.create(external_id="M1", name="M1", country="FR")
    method = make_method(eve, bin="49701012", number_hash=keyed_hash("card", "CARD1"))
    pay(in_tenant, eve, 20, NOON, device=device, merchant=shop, method=method, payment_country="BE",
        ip_hash=keyed_hash("ip", "ADDRESS1"))  # fmt: skip
    pay(in_tenant, make_customer(in_tenant), 20, NOON + HOUR)
    return in_tenant


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("customer", "eve"), ("email", "eve@example.org"), ("device", "D1"), ("card", "CARD1"), ("ip", "ADDRESS1"),
        ("country", "BE"), ("bin", "49701012"), ("bin", "497010"), ("merchant", "M1"),
    ],
)  # fmt: skip
def test_a_payment_is_on_a_list_by_what_it_names(visits: Tenant, kind: str, value: str) -> None:
    listed(visits, kind, value)
    expected = 2 if value == "497010" else 1  # the other payment's card has these six digits, too
    assert hits(visits, f"list('{kind}')") == expected
    assert hits(visits, f"NOT list('{kind}')") == 2 - expected


def test_an_entry_counts_until_it_expires(visits: Tenant) -> None:
    listed(visits, "customer", "eve", expires_at=NOON)
    assert hits(visits, "list('customer')") == 0
    FraudList.objects.get().entries.update(expires_at=NOON + HOUR)
    assert hits(visits, "list('customer')") == 1


def test_what_was_removed_and_an_empty_list_hit_nothing(visits: Tenant) -> None:
    listed(visits, "customer", "eve")
    FraudList.objects.get().entries.update(removed_at=NOON)
    assert hits(visits, "list('customer')") == 0


def test_a_feature_is_looked_up_in_a_list_of_texts(visits: Tenant) -> None:
    listed(visits, "merchant", "M1")
    listed(visits, "bin", "497010")
    assert hits(visits, "merchant IN list('merchant')") == 1
    assert hits(visits, "card_bin IN list('bin')") == 2
    assert hits(visits, "card_bin NOT IN list('bin') AND merchant IS NULL") == 0


def test_another_tenants_list_is_no_list(visits: Tenant, neighbour: Tenant) -> None:
    from kivendtout.lib.tenancy import tenant_scope

    listed(visits, "customer", "eve")
    with tenant_scope(neighbour.pk):
        FraudList.objects.create(code="customer", kind="customer", effect="watch", name_fr="x")
        pay(neighbour, make_customer(neighbour, external_id="eve"), 20, NOON + DAY)
    assert hits(visits, "list('customer')") == 1
    assert hits(neighbour, "list('customer')") == 0
