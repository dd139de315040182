"""Files of entries: hostile ones, large ones, and what a preview promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.models import FraudList, ListEntry
from apps.fraud.services.list_csv import FAULTS, MOST_LINES, InvalidImport
from apps.fraud.services.list_import import Plan, list_entries_import, list_import_apply
from apps.fraud.services.lists import list_entry_remove
from apps.fraud.state.list_keys import subject_of
from apps.fraud.state.list_memory import ListMemory
from kivendtout.lib.crypto.keyring import KeyState, get_keyring
from kivendtout.lib.errors import NotAllowed
from tests.fraud.lists.conftest import ListMaker
from tests.fraud.lists.test_services import AT, NOW, add

HEAD = "value,reason,expires_at\n"


def read(fraud_list: FraudList, text: str, actor: User, *, preview: bool = True) -> Plan:
    return list_entries_import(fraud_list=fraud_list, text=text, actor=actor, now=NOW, preview=preview)


def outcomes(plan: Plan) -> list[tuple[int, str, str]]:
    return [(line.number, line.outcome, line.fault) for line in plan.lines]


def test_a_preview_tells_each_line_and_changes_nothing(make_list: ListMaker, lead: User) -> None:
    emails = make_list("email")
    add(emails, "old@courriel.example", lead)
    text = HEAD + "new@courriel.example,Refused twice,\nOLD@courriel.example,Again,\nnobody,Why,\n"
    plan = read(emails, text, lead)
    assert outcomes(plan) == [(2, "new", ""), (3, "already", ""), (4, "invalid", "email")]
    assert plan.lines[0].shown == "•••@courriel.example"
    assert "not an e-mail address" in plan.lines[2].sentence
    assert plan.counts() == {"new": 1, "already": 1, "invalid": 1}
    assert ListEntry.objects.get().reason == "Seen twice"
    assert "new@" not in repr(plan), "what waits for its confirmation holds no personal value in clear"


def test_an_import_adds_what_is_new_and_updates_what_is_there(make_list: ListMaker, tenant: Tenant, lead: User) -> None:
    emails = make_list("email")
    held = add(emails, "old@courriel.example", lead)
    text = HEAD + "new@courriel.example,Refused twice,2027-01-31\nOLD@courriel.example,Again,\nnobody,Why,\n"
    plan = read(emails, text, lead, preview=False)
    assert (plan.added, plan.updated) == (1, 1)
    held.refresh_from_db()
    assert held.reason == "Again"
    new = ListEntry.objects.exclude(pk=held.pk).get()
    assert (new.reason, new.added_by, new.tenant, new.added_at) == ("Refused twice", lead, tenant, NOW)
    assert new.expires_at == datetime(2027, 2, 1, tzinfo=UTC), "a date counts to its end"
    assert ListMemory().current(tenant.pk).hits(subject_of(email="new@courriel.example"), AT)
    again = read(emails, text, lead, preview=False)
    assert (again.added, again.updated, ListEntry.objects.count()) == (0, 2, 2)


def test_networks_addresses_and_plain_values_are_recognised_again(make_list: ListMaker, lead: User) -> None:
    for kind, values in {"ip": ("192.0.2.0/24", "192.0.2.7", "2001:db8::/32"), "country": ("FR", "be")}.items():
        fraud_list = make_list(kind)
        text = "value;reason\n" + "".join(f"{value};why\n" for value in values)
        assert read(fraud_list, text, lead, preview=False).counts()["new"] == len(values)
        assert read(fraud_list, text, lead).counts() == {"new": 0, "already": len(values), "invalid": 0}


def test_of_equal_lines_the_first_counts(make_list: ListMaker, lead: User) -> None:
    plan = read(make_list(), HEAD + "FR,first,\nfr,second,\n", lead, preview=False)
    assert [line.outcome for line in plan.lines] == ["new", "already"]
    assert ListEntry.objects.get().reason == "first"


def test_a_removed_value_is_new_again(make_list: ListMaker, lead: User) -> None:
    countries = make_list()
    list_entry_remove(entry=add(countries, "FR", lead), actor=lead, now=NOW)
    assert read(countries, HEAD + "FR,why,\n", lead, preview=False).added == 1


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffvalue,reason\r\nFR,why\r\n",
        "value;reason\r\nFR;why\r\n",
        "value\treason\rFR\twhy\r",
        'Reason , VALUE\n"why, indeed",FR\n\n\n',
        "value,reason\nFR,why",
    ],
)
def test_spreadsheets_ways_of_writing_csv_are_understood(text: str, make_list: ListMaker, lead: User) -> None:
    plan = read(make_list(), text, lead, preview=False)
    assert [line.outcome for line in plan.lines] == ["new"]
    assert ListEntry.objects.get().value == "FR"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("F\0R,why,", "control"),
        ("FR,w\0hy,", "reason_long"),
        ('"FR,why,', "quotes"),
        ('FR,"wh"y",', "quotes"),
        ("FR", "cells"),
        ("FR,why,,,", "cells"),
        ("x" * 1_000_000 + ",why,", "line_long"),
        ("=HYPERLINK(1),why,", "country"),
        ("FR,,", "reason"),
        (",why,", "empty"),
        ("FR,why,tomorrow", "date"),
        ("FR,why,2027-02-30", "date"),
        ("FR,why,2027-01-31T18:00:00", "date"),
        ("FR,why,9999-12-31", "date"),
        ("FR,why,0001-01-01T00:00:00+14:00", "date"),
        ("FR,why,2020-01-01", "expired"),
        ("FR,card 4242 4242 4242 4242,", "reason_long"),
    ],
)
def test_a_hostile_line_costs_itself_and_no_other(line: str, fault: str, make_list: ListMaker, lead: User) -> None:
    plan = read(make_list(), f"{HEAD}BE,why,\n{line}\nDE,why,2027-01-31T18:00:00Z\n", lead, preview=False)
    assert outcomes(plan) == [(2, "new", ""), (3, "invalid", fault), (4, "new", "")]
    assert plan.lines[1].sentence == FAULTS[fault]
    assert plan.added == 2


@pytest.mark.parametrize(
    "text",
    ["", "\n", "FR,why\n", "value\nFR\n", "reason\nwhy\n", "value,reason,colour\nFR,why,red\n",
     "value,value,reason\n", '"value,reason\n', "x" * 5000, "\0\0\0"],
)  # fmt: skip
def test_a_file_without_its_columns_is_refused_whole(text: str, make_list: ListMaker, lead: User) -> None:
    with pytest.raises(InvalidImport) as caught:
        read(make_list(), text, lead)
    assert "value" in caught.value.message


def test_a_file_with_too_many_lines_or_characters_is_refused(make_list: ListMaker, lead: User) -> None:
    countries = make_list()
    with pytest.raises(InvalidImport, match="100001 lines"):
        read(countries, HEAD + "FR,why,\n" * (MOST_LINES + 1), lead)
    with pytest.raises(InvalidImport, match="20 MB"):
        read(countries, HEAD + "x" * 20_000_001, lead)


def test_a_full_file_is_put_on_the_list_in_one_transaction_and_one_audit_entry(
    make_list: ListMaker, tenant: Tenant, lead: User
) -> None:
    cards = make_list("card")
    text = HEAD + "".join(f"fp_{n:09d},Leaked,\n" for n in range(MOST_LINES))
    plan = read(cards, text, lead, preview=False)
    assert (plan.added, ListEntry.objects.count()) == (MOST_LINES, MOST_LINES)
    assert ListMemory().current(tenant.pk).hits(subject_of(card_fingerprint="fp_000099999"), AT)
    told = AuditEntry.objects.filter(content_type__model="fraudlist", action=AuditEntry.Action.UPDATE).get()
    assert told.additional_data["import"]["added"] == MOST_LINES
    assert len(told.additional_data["import"]["sha256"]) == 64
    assert (told.actor, told.tenant) == (lead, tenant)


def test_a_value_held_under_an_earlier_key_is_not_doubled(make_list: ListMaker, tenant: Tenant, lead: User) -> None:
    cards, ring = make_list("card"), get_keyring()
    entry = add(cards, "fp_0123456789", lead)
    former = ring.state().active_index("card")
    new = ring.add_index_key("card")
    ring.set_index_key("card", new.id, KeyState.ACTIVE)
    try:
        assert add(cards, "fp_0123456789", lead).pk == entry.pk
        plan = read(cards, HEAD + "fp_0123456789,Again,\n", lead, preview=False)
        assert (plan.added, plan.updated, ListEntry.objects.count()) == (0, 1, 1)
        assert ListMemory().current(tenant.pk).hits(subject_of(card_fingerprint="fp_0123456789"), AT)
    finally:
        ring.set_index_key("card", former.id, KeyState.ACTIVE)


def test_what_expires_between_preview_and_confirmation_is_left_out(make_list: ListMaker, lead: User) -> None:
    countries = make_list()
    plan = read(countries, HEAD + "FR,why,2026-11-21T09:05:00Z\nBE,why,\n", lead)
    list_import_apply(fraud_list=countries, plan=plan, actor=lead, now=NOW + timedelta(minutes=5))
    assert ListEntry.objects.get().value == "BE"


def test_an_import_is_for_those_who_manage_lists_of_the_tenant(
    make_list: ListMaker, lead: User, analyst: User, outsider: User
) -> None:
    countries = make_list()
    plan = read(countries, HEAD + "FR,why,\n", lead)
    for person in (analyst, outsider):
        for preview in (True, False):
            with pytest.raises(NotAllowed):
                read(countries, HEAD + "FR,why,\n", person, preview=preview)
        with pytest.raises(NotAllowed):
            list_import_apply(fraud_list=countries, plan=plan, actor=person, now=NOW)
    assert not ListEntry.objects.exists()
