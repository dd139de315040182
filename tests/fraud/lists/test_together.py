"""Several people and processes at the same lists at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from apps.compliance.models import Tenant
from apps.fraud.models import FraudList, ListEntry, ListsVersion
from apps.fraud.services.list_import import list_entries_import
from apps.fraud.services.lists import list_create, list_entry_add, list_uses_count
from apps.fraud.state.list_memory import ListMemory
from kivendtout.lib.tenancy import tenant_scope
from tests.conftest import make_person
from tests.fraud.lists.test_services import AT, NOW

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(transactional_db: None) -> Tenant:
    return Tenant.objects.create(slug="kivendtout", name="KiVendTout")


@pytest.fixture
def countries(shop: Tenant) -> FraudList:
    actor = make_person(shop, "lead")
    return list_create(
        tenant_id=shop.pk, code="risky", name_fr="a", name_en="b", kind="country", effect="deny", actor=actor
    )


def at_once(shop: Tenant, work: Callable[[int], object], times: int = 8) -> list[object]:
    def one(number: int) -> object:
        try:
            with tenant_scope(shop.pk):
                return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_the_same_value_added_by_several_people_at_once_stands_there_once(shop: Tenant, countries: FraudList) -> None:
    actor = make_person(shop, "administrator")

    def work(number: int) -> None:
        if number % 2:
            list_entry_add(fraud_list=countries, value="KP", reason="why", actor=actor, now=NOW)
        else:
            text = "value,reason\nKP,why\nIR,why\n"
            list_entries_import(fraud_list=countries, text=text, actor=actor, now=NOW, preview=False)

    at_once(shop, work)
    with tenant_scope(shop.pk):
        assert sorted(ListEntry.objects.values_list("value", flat=True)) == ["IR", "KP"]
        assert ListsVersion.objects.get().version == 9, "one for the list, one for each change"


def test_readers_beside_a_writer_see_each_change_in_the_end(shop: Tenant, countries: FraudList) -> None:
    actor, memory = make_person(shop, "administrator"), ListMemory(every=0.0)
    codes = [f"{a}{b}" for a in "ABCDE" for b in "ABCDE"]

    def work(number: int) -> None:
        for code in codes if number == 0 else ():
            list_entry_add(fraud_list=countries, value=code, reason="why", actor=actor, now=NOW)
        for _ in range(0 if number == 0 else 50):
            memory.current(shop.pk)

    at_once(shop, work, 4)
    assert memory.current(shop.pk).values("risky", AT) == set(codes)


def test_a_change_that_is_rolled_back_is_seen_by_nobody(shop: Tenant, countries: FraudList) -> None:
    actor, memory = make_person(shop, "administrator"), ListMemory(every=0.0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        list_entry_add(fraud_list=countries, value="KP", reason="why", actor=actor, now=NOW)
        (elsewhere,) = at_once(shop, lambda _n: memory.current(shop.pk).values("risky", AT), 1)
        assert elsewhere == frozenset()
        raise ZeroDivisionError
    list_entry_add(fraud_list=countries, value="IR", reason="why", actor=actor, now=NOW)
    assert memory.current(shop.pk).values("risky", AT) == {"IR"}


def test_uses_counted_by_several_batches_at_once_all_count(shop: Tenant, countries: FraudList) -> None:
    actor = make_person(shop, "administrator")
    codes = ("KP", "IR", "SY")
    ids = [list_entry_add(fraud_list=countries, value=code, reason="why", actor=actor, now=NOW).pk for code in codes]

    def work(number: int) -> None:
        for _ in range(10):
            uses = dict.fromkeys(ids if number % 2 else reversed(ids), 1)
            list_uses_count(tenant_id=shop.pk, uses=uses, at=NOW)

    at_once(shop, work)
    with tenant_scope(shop.pk):
        assert set(ListEntry.objects.values_list("uses", flat=True)) == {80}
