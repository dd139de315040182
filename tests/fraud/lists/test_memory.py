"""Lists in the memory of each process: changed everywhere within a second, kept when PostgreSQL does not answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from apps.compliance.models import Tenant, User
from apps.fraud.models import ListsVersion
from apps.fraud.services.lists import list_entry_remove
from apps.fraud.state import list_memory
from apps.fraud.state.list_memory import ListMemory, ListsNotLoaded
from kivendtout.lib.tenancy import across_tenants
from tests.fraud.lists.conftest import ListMaker
from tests.fraud.lists.test_services import AT, NOW, add


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_another_process_sees_a_change_after_its_half_second(
    make_list: ListMaker, tenant: Tenant, lead: User, clock: Clock
) -> None:
    countries, other = make_list(), ListMemory(clock=clock)
    assert not other.current(tenant.pk).contains("countrys", "KP", AT)
    entry = add(countries, "KP", lead)
    clock.seconds += 0.49
    assert not other.current(tenant.pk).contains("countrys", "KP", AT)
    clock.seconds += 0.01
    assert other.current(tenant.pk).contains("countrys", "KP", AT)
    list_entry_remove(entry=entry, actor=lead, now=NOW)
    clock.seconds += 0.5
    assert not other.current(tenant.pk).contains("countrys", "KP", AT)


def test_within_the_half_second_nothing_is_asked_and_later_one_question_suffices(
    make_list: ListMaker, tenant: Tenant, lead: User, clock: Clock
) -> None:
    memory = ListMemory(clock=clock)
    add(make_list(), "KP", lead)
    memory.current(tenant.pk)
    with CaptureQueriesContext(connection) as asked:
        for _ in range(100):
            memory.current(tenant.pk)
    assert len(asked) == 0
    clock.seconds += 0.5
    with CaptureQueriesContext(connection) as asked:
        memory.current(tenant.pk)
    assert len(asked) == 1


def test_one_new_entry_does_not_read_the_others_again(
    make_list: ListMaker, tenant: Tenant, lead: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, countries = ListMemory(clock=clock), make_list()
    for code in ("KP", "IR", "SY"):
        add(countries, code, lead)
    before = memory.current(tenant.pk)
    read: list[Any] = []
    rows = list_memory._rows
    monkeypatch.setattr(list_memory, "_rows", lambda entries: (read.append(row) or row for row in rows(entries)))
    add(countries, "CU", lead)
    clock.seconds += 1
    assert memory.current(tenant.pk) is before
    assert [row.key for row in read] == ["CU"]
    assert before.values("countrys", AT) == {"KP", "IR", "SY", "CU"}


def test_without_an_answer_the_last_lists_stay_and_the_log_says_so_once(
    make_list: ListMaker, tenant: Tenant, lead: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, said = ListMemory(clock=clock), []
    add(make_list(), "KP", lead)
    memory.current(tenant.pk)

    def down(*_args: Any, **_options: Any) -> Any:
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as broken:
        broken.setattr(list_memory, "_refresh", down)
        broken.setattr(list_memory.log, "warning", lambda text, **_fields: said.append(text))
        for _ in range(3):
            clock.seconds += 1
            assert memory.current(tenant.pk).contains("countrys", "KP", AT)
        with pytest.raises(ListsNotLoaded):
            ListMemory(clock=clock).current(tenant.pk)
    assert len(said) == 2, "once by each memory"


def test_a_tenants_index_holds_its_own_entries_only(
    make_list: ListMaker, tenant: Tenant, neighbour: Tenant, lead: User
) -> None:
    add(make_list(), "KP", lead)
    memory = ListMemory()
    assert len(memory.current(neighbour.pk)) == 0
    assert len(memory.current(tenant.pk)) == 1


def test_a_database_restored_from_an_earlier_day_is_read_anew(
    make_list: ListMaker, tenant: Tenant, lead: User, clock: Clock
) -> None:
    memory = ListMemory(clock=clock)
    entry = add(make_list(), "KP", lead)
    assert memory.current(tenant.pk).contains("countrys", "KP", AT)
    with across_tenants():
        entry.delete()
        ListsVersion.objects.update(version=1)
    clock.seconds += 1
    assert not memory.current(tenant.pk).contains("countrys", "KP", AT)
