"""The index in memory: pure values in, hits out."""

from __future__ import annotations

import pytest

from apps.fraud.engine.lists import EntryRow, ListDefinition, ListIndex, Subject

COUNTRIES = ListDefinition(1, "risky_countries", "country", "deny")
CARDS = ListDefinition(2, "stolen_cards", "card", "deny")
FRIENDS = ListDefinition(3, "friends", "customer", "allow", overrides_deny=True)
NETWORKS = ListDefinition(4, "proxies", "ip", "watch")
BINS = ListDefinition(5, "bins", "bin", "watch")
NOON = 1_764_590_400_000_000


def test_an_index_without_entries_finds_nothing() -> None:
    for index in (ListIndex(), ListIndex([COUNTRIES])):
        assert index.hits(Subject(customer="C1", countries=("FR",)), NOON) == ()
        assert index.kinds == frozenset()
        assert not index.contains("risky_countries", "FR", NOON)


def test_a_hit_names_its_list_its_entry_and_its_reason() -> None:
    index = ListIndex([FRIENDS, COUNTRIES], [EntryRow(7, 3, "C1", reason="Tests our shop"), EntryRow(8, 1, "KP")])
    hits = index.hits(Subject(customer="C1", countries=("FR", "KP")), NOON)
    assert [(hit.code, hit.effect, hit.overrides_deny, hit.entry_id, hit.reason) for hit in hits] == [
        ("friends", "allow", True, 7, "Tests our shop"),
        ("risky_countries", "deny", False, 8, ""),
    ]


def test_each_kind_looks_at_its_own_value_only() -> None:
    rows = [EntryRow(n, n, key) for n, key in enumerate(("FR", b"card", "FR"), 1)]
    index = ListIndex([COUNTRIES, CARDS, FRIENDS], rows)
    assert [hit.code for hit in index.hits(Subject(countries=("FR",)), NOON)] == ["risky_countries"]
    assert [hit.code for hit in index.hits(Subject(customer="FR"), NOON)] == ["friends"]
    assert index.hits(Subject(device_hashes=(b"card",), email_hashes=(b"card",), merchant="FR"), NOON) == ()


def test_a_hash_under_either_version_of_its_key_is_found() -> None:
    index = ListIndex([CARDS], [EntryRow(1, 2, b"old")])
    assert index.hits(Subject(card_hashes=(b"new", b"old")), NOON)[0].entry_id == 1


def test_an_entry_ends_at_its_very_instant() -> None:
    index = ListIndex([COUNTRIES], [EntryRow(1, 1, "FR", expires_at=NOON)])
    subject = Subject(countries=("FR",))
    assert index.hits(subject, NOON - 1)
    assert not index.hits(subject, NOON)
    assert index.contains("risky_countries", "FR", NOON - 1)
    assert not index.contains("risky_countries", "FR", NOON)
    assert index.values("risky_countries", NOON - 1) == {"FR"}
    assert index.values("risky_countries", NOON) == frozenset()


@pytest.mark.parametrize(
    ("address", "entry"),
    [
        ("10.1.2.3", 2),
        ("10.200.0.1", 1),
        ("11.0.0.0", None),
        ("9.255.255.255", None),
        ("10.255.255.255", 1),
        ("::ffff:10.1.2.3", 2),
        ("2001:db8:1::1", 3),
        ("2001:DB8:0001:0000::00ff", 3),
        ("2001:db9::1", None),
        ("::10.1.2.3", None),
        ("not an address", None),
        ("fe80::1%eth0", None),
    ],
)
def test_the_narrowest_network_around_an_address_is_the_hit(address: str, entry: int | None) -> None:
    texts = ("10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32")
    index = ListIndex([NETWORKS], [EntryRow(n, 4, text, is_network=True) for n, text in enumerate(texts, 1)])
    hits = index.hits(Subject(address=address), NOON)
    assert [hit.entry_id for hit in hits] == ([entry] if entry else [])


def test_an_expired_narrow_network_leaves_the_wide_one() -> None:
    rows = [EntryRow(1, 4, "10.0.0.0/8", True), EntryRow(2, 4, "10.1.0.0/16", True, expires_at=NOON)]
    index = ListIndex([NETWORKS], rows)
    assert index.hits(Subject(address="10.1.2.3"), NOON - 1)[0].entry_id == 2
    assert index.hits(Subject(address="10.1.2.3"), NOON)[0].entry_id == 1


def test_a_bin_of_eight_digits_is_found_under_its_first_six_but_not_the_reverse() -> None:
    index = ListIndex([BINS], [EntryRow(1, 5, "497010"), EntryRow(2, 5, "51234567")])
    assert index.hits(Subject(bin="49701099"), NOON)[0].entry_id == 1
    assert index.hits(Subject(bin="497010"), NOON)[0].entry_id == 1
    assert index.hits(Subject(bin="51234567"), NOON)[0].entry_id == 2
    assert not index.hits(Subject(bin="512345"), NOON)
    assert index.contains("bins", "49701099", NOON)
    assert not index.contains("bins", None, NOON)
    assert not index.contains("no_such_list", "497010", NOON)


def test_changes_add_move_and_remove_entries() -> None:
    index = ListIndex([COUNTRIES], [EntryRow(1, 1, "FR"), EntryRow(2, 1, "BE")])
    changed = COUNTRIES._replace(effect="watch")
    rows = [EntryRow(1, 1, "FR", live=False), EntryRow(2, 1, "BE", expires_at=NOON), EntryRow(3, 1, "DE")]
    index.apply([changed, CARDS], [*rows, EntryRow(4, 99, "IT")])
    found = {one: index.hits(Subject(countries=(one,)), NOON) for one in ("FR", "BE", "DE", "IT")}
    assert [one for one, hits in found.items() if hits] == ["DE"]
    assert found["DE"][0].effect == "watch"
    assert index.kind_of("stolen_cards") == "card"


def test_the_removal_of_an_earlier_entry_leaves_the_one_that_took_its_place() -> None:
    index = ListIndex([COUNTRIES], [EntryRow(1, 1, "FR")])
    index.apply([COUNTRIES], [EntryRow(2, 1, "FR"), EntryRow(1, 1, "FR", live=False)])
    assert index.hits(Subject(countries=("FR",)), NOON)[0].entry_id == 2


def test_a_list_of_a_million_entries_is_built_and_finds_the_last_of_them() -> None:
    rows = (EntryRow(n, 2, n.to_bytes(18, "big"), reason="One import") for n in range(1_000_000))
    index = ListIndex([CARDS], rows)
    assert len(index) == 1_000_000
    subject = Subject(card_hashes=((999_999).to_bytes(18, "big"),))
    assert [hit.entry_id for hit in index.hits(subject, NOON)] == [999_999]
    assert not index.hits(Subject(card_hashes=((1_000_000).to_bytes(18, "big"),)), NOON)
