"""Who may change lists, and what a change does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.engine.lists import ListIndex
from apps.fraud.models import FraudList, ListEntry
from apps.fraud.services.lists import (
    InvalidList,
    InvalidListEntry,
    ListExists,
    list_change,
    list_create,
    list_entry_add,
    list_entry_remove,
    list_uses_count,
)
from apps.fraud.state.list_keys import subject_of
from apps.fraud.state.list_memory import ListMemory
from kivendtout.lib.crypto.hashing import keyed_hash
from kivendtout.lib.errors import NotAllowed
from kivendtout.lib.tenancy import tenant_scope
from tests.conftest import make_person
from tests.factories import make_customer, make_method
from tests.fraud.lists.conftest import ListMaker

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
AT = int(NOW.timestamp() * 1_000_000)


def add(fraud_list: FraudList, value: str, actor: User, **fields: object) -> ListEntry:
    return list_entry_add(fraud_list=fraud_list, value=value, reason="Seen twice", actor=actor, now=NOW, **fields)  # type: ignore[arg-type]


def index_of(tenant: Tenant) -> ListIndex:
    return ListMemory().current(tenant.pk)


def test_an_e_mail_entry_meets_the_customer_whose_address_it_is(
    make_list: ListMaker, tenant: Tenant, lead: User
) -> None:
    entry = add(make_list("email"), " Zoe@Courriel.Example", lead)
    customer = make_customer(tenant, email="zoe@courriel.example")
    assert bytes(entry.value_hash) == customer.email_index
    assert (entry.value, str(entry)) == ("", "•••@courriel.example")
    for subject in (subject_of(email_index=customer.email_index), subject_of(email="ZOE@courriel.example")):
        assert [hit.code for hit in index_of(tenant).hits(subject, AT)] == ["emails"]


def test_a_card_entry_meets_the_payment_method_with_its_fingerprint(
    make_list: ListMaker, tenant: Tenant, lead: User
) -> None:
    entry = add(make_list("card"), "fp_0123456789", lead)
    method = make_method(make_customer(tenant), number_hash=keyed_hash("card", "fp_0123456789"))
    assert bytes(entry.value_hash) == method.number_hash
    assert index_of(tenant).hits(subject_of(card_fingerprint="fp_0123456789"), AT)


def test_an_address_entry_meets_the_raw_address_and_the_senders_text_alike(
    make_list: ListMaker, tenant: Tenant, lead: User
) -> None:
    proxies = make_list("ip")
    for value in ("192.0.2.7", "9f86d081884c7d65", "198.51.100.0/24"):
        add(proxies, value, lead)
    index = index_of(tenant)
    met = ({"address": "192.0.2.7"}, {"address": "::ffff:192.0.2.7"}, {"ip_hash": "192.0.2.7"},
           {"ip_hash": "9f86d081884c7d65"}, {"address": "198.51.100.9"})  # fmt: skip
    for one in met:
        assert index.hits(subject_of(**one), AT), one
    for other in ({"address": "192.0.2.8"}, {"ip_hash": "198.51.100.9"}, {"ip_hash": "9F86d081884c7d65"}):
        assert not index.hits(subject_of(**other), AT), other
    assert not ListEntry.objects.filter(value__contains="192.0").exists()


def test_what_no_list_holds_is_not_hashed() -> None:
    subject = subject_of(kinds=frozenset({"country"}), email="a@b.example", device="d", address="192.0.2.7")
    assert subject.email_hashes == subject.device_hashes == subject.ip_hashes == ()


def test_the_same_value_is_updated_and_not_doubled(make_list: ListMaker, lead: User) -> None:
    devices = make_list("device")
    first = add(devices, "dev_deadbeef", lead)
    later = NOW + timedelta(days=3)
    again = list_entry_add(
        fraud_list=devices, value=" dev_deadbeef ", reason="Once more", actor=lead, now=NOW, expires_at=later
    )
    assert again.pk == first.pk
    entry = ListEntry.objects.get()
    assert (entry.reason, entry.expires_at, entry.added_by) == ("Once more", later, lead)


def test_a_removed_value_no_longer_counts_and_may_come_back(make_list: ListMaker, tenant: Tenant, lead: User) -> None:
    countries = make_list("country")
    entry = add(countries, "KP", lead)
    list_entry_remove(entry=entry, actor=lead, now=NOW)
    list_entry_remove(entry=entry, actor=lead, now=NOW + timedelta(days=1))
    assert ListEntry.objects.get().removed_at == NOW
    assert not index_of(tenant).contains("countrys", "KP", AT)
    assert add(countries, "KP", lead).pk != entry.pk
    assert index_of(tenant).contains("countrys", "KP", AT)


def test_an_entry_ends_at_the_instant_that_was_given(make_list: ListMaker, tenant: Tenant, lead: User) -> None:
    add(make_list("country"), "KP", lead, expires_at=NOW + timedelta(microseconds=1))
    index = index_of(tenant)
    assert index.contains("countrys", "KP", AT)
    assert not index.contains("countrys", "KP", AT + 1)


@pytest.mark.parametrize(
    ("value", "reason", "expires_at"),
    [
        ("France", "why", None),
        ("FR", "  ", None),
        ("FR", "x" * 301, None),
        ("FR", "paid with 4242 4242 4242 4242", None),
        ("FR", "two\nlines", None),
        ("FR", "why", NOW),
        ("FR", "why", NOW - timedelta(days=1)),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused_with_a_sentence(
    value: str, reason: str, expires_at: datetime | None, make_list: ListMaker, lead: User
) -> None:
    with pytest.raises(InvalidListEntry) as caught:
        list_entry_add(fraud_list=make_list(), value=value, reason=reason, actor=lead, now=NOW, expires_at=expires_at)
    assert caught.value.message.endswith(".")
    assert "4242" not in caught.value.message
    assert not ListEntry.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "Stolen Cards"},
        {"code": ""},
        {"code": "a" * 65},
        {"kind": "phone"},
        {"effect": "shout"},
        {"overrides_deny": True},
        {"name_fr": " "},
        {"name_en": "x" * 121},
        {"description": "4242 4242 4242 4242"},
    ],
)
def test_a_list_that_makes_no_sense_is_refused(wrong: dict[str, object], in_tenant: Tenant, lead: User) -> None:
    good = {"code": "good", "name_fr": "Liste", "name_en": "List", "kind": "card", "effect": "deny"}
    with pytest.raises(InvalidList):
        list_create(tenant_id=in_tenant.pk, actor=lead, **{**good, **wrong})  # type: ignore[arg-type]


def test_a_code_is_taken_once_a_tenant(make_list: ListMaker, neighbour: Tenant, outsider: User) -> None:
    make_list(code="vip")
    with pytest.raises(ListExists):
        make_list(code="vip")
    other = list_create(
        tenant_id=neighbour.pk, code="vip", name_fr="a", name_en="b", kind="card", effect="deny", actor=outsider
    )
    assert other.tenant == neighbour


def test_a_change_of_effect_is_seen_and_code_and_kind_stay(make_list: ListMaker, tenant: Tenant, lead: User) -> None:
    countries = make_list()
    add(countries, "KP", lead)
    list_change(fraud_list=countries, actor=lead, effect="allow", overrides_deny=True)
    hit = index_of(tenant).hits(subject_of(countries=["KP"]), AT)[0]
    assert (hit.effect, hit.overrides_deny) == ("allow", True)
    with pytest.raises(InvalidList):
        list_change(fraud_list=countries, actor=lead, kind="card")
    with pytest.raises(InvalidList):
        list_change(fraud_list=countries, actor=lead, effect="deny")


# --- rights -----------------------------------------------------------------------------------------------------------
def test_an_analyst_adds_but_neither_makes_removes_nor_shortens(
    make_list: ListMaker, tenant: Tenant, analyst: User, lead: User
) -> None:
    countries = make_list()
    entry = add(countries, "KP", analyst)
    with pytest.raises(NotAllowed):
        list_entry_remove(entry=entry, actor=analyst, now=NOW)
    with pytest.raises(NotAllowed):
        add(countries, "KP", analyst, expires_at=NOW + timedelta(seconds=1))
    with pytest.raises(NotAllowed):
        list_change(fraud_list=countries, actor=analyst, effect="watch")
    with pytest.raises(NotAllowed):
        list_create(tenant_id=tenant.pk, code="x", name_fr="a", name_en="b", kind="card", effect="deny", actor=analyst)
    assert add(countries, "KP", lead, expires_at=NOW + timedelta(seconds=1)).expires_at is not None


def test_what_silences_a_hard_deny_is_for_those_who_manage_lists(
    make_list: ListMaker, analyst: User, lead: User
) -> None:
    friends = make_list("customer", effect="allow", overrides_deny=True)
    with pytest.raises(NotAllowed):
        add(friends, "C1", analyst)
    assert add(friends, "C1", lead).pk


@pytest.mark.parametrize("role", ["read_only", "compliance_officer", "developer", "partner"])
def test_who_only_looks_adds_nothing(role: str, make_list: ListMaker, tenant: Tenant) -> None:
    with pytest.raises(NotAllowed):
        add(make_list(), "KP", make_person(tenant, role))


def test_the_outsider_touches_no_list_of_this_tenant(
    make_list: ListMaker, tenant: Tenant, lead: User, outsider: User
) -> None:
    countries = make_list()
    entry = add(countries, "KP", lead)
    with tenant_scope(outsider.tenant_id):
        for attempt in (
            lambda: add(countries, "FR", outsider),
            lambda: list_entry_remove(entry=entry, actor=outsider, now=NOW),
            lambda: list_change(fraud_list=countries, actor=outsider, effect="watch"),
            lambda: list_create(
                tenant_id=tenant.pk, code="x", name_fr="a", name_en="b", kind="card", effect="deny", actor=outsider
            ),
        ):
            with pytest.raises(NotAllowed):
                attempt()
        assert not ListEntry.objects.exists()
    assert not index_of(outsider.tenant).contains("countrys", "KP", AT)


# --- what is kept of it -----------------------------------------------------------------------------------------------
def test_changes_are_in_the_audit_trail_without_the_value(make_list: ListMaker, lead: User) -> None:
    entry = add(make_list("email"), "zoe@courriel.example", lead)
    list_entry_remove(entry=entry, actor=lead, now=NOW)
    found = AuditEntry.objects.filter(content_type__model="listentry", object_pk=str(entry.pk))
    assert {one.action for one in found} == {AuditEntry.Action.CREATE, AuditEntry.Action.UPDATE}
    assert "zoe" not in str([one.changes for one in found])
    assert "removed_at" in str([one.changes for one in found])


def test_uses_are_added_up_by_entry_of_the_tenant(
    make_list: ListMaker, tenant: Tenant, neighbour: Tenant, lead: User
) -> None:
    countries = make_list()
    first, second = add(countries, "KP", lead), add(countries, "FR", lead)
    assert list_uses_count(tenant_id=tenant.pk, uses={second.pk: 3, first.pk: 2, 10**9: 1}, at=NOW) == 2
    assert list_uses_count(tenant_id=tenant.pk, uses={first.pk: 1}, at=NOW - timedelta(days=1)) == 1
    assert list_uses_count(tenant_id=neighbour.pk, uses={first.pk: 50}, at=NOW) == 0
    assert list_uses_count(tenant_id=tenant.pk, uses={}, at=NOW) == 0
    first.refresh_from_db()
    assert (first.uses, first.last_used_at) == (3, NOW)
