"""What a document store promises. Every test runs against every store."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from kivendtout.lib.documents import (
    COLLECTIONS,
    DocumentStore,
    InsertResult,
    InvalidDocument,
    InvalidDocumentQuery,
    Tally,
)
from kivendtout.lib.documents.checks import prepare

OURS, THEIRS = 1, 2
NOON = datetime(2025, 12, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def event(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"event-{number:04}",
        "at": NOON + number * MINUTE,
        "type": "product_view",
        "customer_id": "C00001",
        "session_id": "S000001",
        **changes,
    }


def events(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [event(number, **changes) for number in range(count)]


def ids(store: DocumentStore, **search: Any) -> list[str]:
    return [one["id"] for one in store.find("events", OURS, **search).documents]


# --- storing ----------------------------------------------------------------------------------------------------------
def test_it_gives_back_what_was_stored(store: DocumentStore) -> None:
    stored = event(
        product_id="P0185",
        device=None,
        extra={"é": [1, -2.5, True, None, "𝄞 \\ \" '", {"deep": []}], "": {}, "big": 2**63 - 1, "tiny": 5e-324},
    )
    store.insert_many("events", OURS, [stored])
    assert store.get("events", OURS, "event-0000") == stored


def test_a_whole_float_stays_a_float(store: DocumentStore) -> None:
    store.insert_many("events", OURS, [event(score=1.0, pieces=1)])
    found = store.get("events", OURS, "event-0000")
    assert found is not None
    assert (type(found["score"]), type(found["pieces"])) == (float, int)


def test_times_come_back_in_utc_cut_to_the_millisecond(store: DocumentStore) -> None:
    paris = timezone(timedelta(hours=1))
    store.insert_many("events", OURS, [event(at=datetime(2025, 12, 1, 13, 0, 0, 123_999, tzinfo=paris))])
    found = store.get("events", OURS, "event-0000")
    assert found is not None
    assert found["at"] == datetime(2025, 12, 1, 12, 0, 0, 123_000, tzinfo=UTC)
    assert found["at"].utcoffset() == timedelta(0)


def test_times_before_1970_are_cut_the_same_way(store: DocumentStore) -> None:
    store.insert_many("events", OURS, [event(at=datetime(1969, 7, 20, 20, 17, 40, 1_999, tzinfo=UTC))])
    found = store.get("events", OURS, "event-0000")
    assert found is not None
    assert found["at"] == datetime(1969, 7, 20, 20, 17, 40, 1_000, tzinfo=UTC)


def test_a_key_that_is_null_is_one_that_is_absent(store: DocumentStore) -> None:
    store.insert_many("events", OURS, [event(customer_id=None)])
    found = store.get("events", OURS, "event-0000")
    assert found is not None
    assert "customer_id" not in found


def test_repeating_an_insert_stores_nothing_twice(store: DocumentStore) -> None:
    assert store.insert_many("events", OURS, events(3)) == InsertResult(inserted=3, duplicates=0)
    assert store.insert_many("events", OURS, events(5)) == InsertResult(inserted=2, duplicates=3)
    assert store.count("events", OURS, since=NOON) == 5


def test_a_repeat_within_one_call_is_counted_as_a_duplicate(store: DocumentStore) -> None:
    assert store.insert_many("events", OURS, events(2) + events(1)) == InsertResult(inserted=2, duplicates=1)


def test_the_first_version_of_a_document_stays(store: DocumentStore) -> None:
    store.insert_many("events", OURS, [event(device="ios")])
    store.insert_many("events", OURS, [event(device="android")])
    found = store.get("events", OURS, "event-0000")
    assert found is not None
    assert found["device"] == "ios"


def test_storing_nothing_is_fine(store: DocumentStore) -> None:
    assert store.insert_many("events", OURS, []) == InsertResult(0, 0)


def test_large_inserts_go_in_batches(store: DocumentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kivendtout.lib.documents.store.BATCH", 4)
    monkeypatch.setattr("kivendtout.lib.documents.store.BATCH_BYTES", 300)
    wide = [event(number, note="x" * 100) for number in range(10)]
    assert store.insert_many("events", OURS, wide) == InsertResult(10, 0)
    assert store.insert_many("events", OURS, wide) == InsertResult(0, 10)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_every_declared_collection_stores_and_finds(store: DocumentStore, collection: str) -> None:
    required = {
        "type": "t", "source": "s", "kind": "k", "actor": "a", "action": "r", "product_id": "P1",
        "rating": 5, "body": {}, "customer_id": "C1",
    }  # fmt: skip
    shape = COLLECTIONS[collection].shape.__annotations__
    document = {"id": "1", "at": NOON, **{name: value for name, value in required.items() if name in shape}}
    store.insert_many(collection, OURS, [document])
    for name in COLLECTIONS[collection].filters:
        expected = [document] if name in document else []
        value = document.get(name, "absent")
        assert store.find(collection, OURS, filters={name: value}).documents == expected, name


# --- tenants ----------------------------------------------------------------------------------------------------------
def test_another_tenants_documents_are_never_returned(store: DocumentStore) -> None:
    store.insert_many("events", THEIRS, events(3))
    assert store.get("events", OURS, "event-0000") is None
    assert ids(store, since=NOON) == []
    assert ids(store, filters={"customer_id": "C00001"}) == []
    assert store.count("events", OURS, since=NOON) == 0
    assert store.count_by("events", OURS, "type", since=NOON, until=NOON + 60 * MINUTE) == {}


def test_two_tenants_may_use_the_same_id(store: DocumentStore) -> None:
    assert store.insert_many("events", OURS, [event(device="ios")]).inserted == 1
    assert store.insert_many("events", THEIRS, [event(device="web")]).inserted == 1
    found = store.get("events", THEIRS, "event-0000")
    assert found is not None
    assert found["device"] == "web"


def test_an_erasure_leaves_another_tenants_documents(store: DocumentStore) -> None:
    store.insert_many("events", OURS, events(2))
    store.insert_many("events", THEIRS, events(2))
    assert store.delete("events", OURS, {"customer_id": "C00001"}) == 2
    assert store.count("events", THEIRS, since=NOON) == 2


@pytest.mark.parametrize("tenant", [None, 0, -1, True, "1"])
def test_it_refuses_a_call_without_a_tenant(store: DocumentStore, tenant: Any) -> None:
    with pytest.raises(InvalidDocumentQuery, match="not a tenant's id"):
        store.insert_many("events", tenant, events(1))
    with pytest.raises(InvalidDocumentQuery, match="not a tenant's id"):
        store.find("events", tenant, since=NOON)
    with pytest.raises(InvalidDocumentQuery, match="not a tenant's id"):
        store.get("events", tenant, "event-0000")


# --- searching --------------------------------------------------------------------------------------------------------
def test_it_finds_the_newest_first_and_the_oldest_on_request(store: DocumentStore) -> None:
    store.insert_many("events", OURS, events(4))
    newest = ["event-0003", "event-0002", "event-0001", "event-0000"]
    assert ids(store, filters={"session_id": "S000001"}) == newest
    assert ids(store, filters={"session_id": "S000001"}, newest_first=False) == newest[::-1]


def test_filters_narrow_together(store: DocumentStore) -> None:
    store.insert_many(
        "events", OURS, [event(0), event(1, type="payment_attempt"), event(2, customer_id="C2", type="payment_attempt")]
    )
    assert ids(store, filters={"type": "payment_attempt"}) == ["event-0002", "event-0001"]
    assert ids(store, filters={"type": "payment_attempt", "customer_id": "C00001"}) == ["event-0001"]


def test_since_is_included_and_until_is_not(store: DocumentStore) -> None:
    store.insert_many("events", OURS, events(5))
    assert ids(store, since=NOON + MINUTE, until=NOON + 3 * MINUTE) == ["event-0002", "event-0001"]
    assert store.count("events", OURS, since=NOON + MINUTE, until=NOON + 3 * MINUTE) == 2


def test_a_bound_finer_than_a_millisecond_still_finds_its_own_document(store: DocumentStore) -> None:
    moment = NOON + timedelta(microseconds=999)
    store.insert_many("events", OURS, [event(at=moment)])
    assert ids(store, since=moment) == ["event-0000"]


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_follow_each_other_without_gap_or_repeat(store: DocumentStore, newest_first: bool) -> None:
    # Several at one moment, and ids whose order a language would see otherwise than bytes do.
    marks = ["a", "B", "é", "z", "Z", "-", "_", "10", "9", "\U0001f600", "～"]
    documents = [event(at=NOON + (number // 4) * MINUTE, id=mark) for number, mark in enumerate(marks)]
    store.insert_many("events", OURS, documents)
    expected = sorted(documents, key=lambda one: (one["at"], one["id"].encode()), reverse=newest_first)
    seen: list[str] = []
    cursor: str | None = None
    for _ in itertools.count():
        page = store.find("events", OURS, since=NOON, limit=3, newest_first=newest_first, cursor=cursor)
        seen += [one["id"] for one in page.documents]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == [one["id"] for one in expected]


def test_a_full_last_page_has_no_cursor(store: DocumentStore) -> None:
    store.insert_many("events", OURS, events(2))
    assert store.find("events", OURS, since=NOON, limit=2).next_cursor is None


def test_values_are_data_and_never_operators(store: DocumentStore) -> None:
    store.insert_many("events", OURS, events(1))
    assert ids(store, filters={"customer_id": "' OR 1=1 --"}) == []
    with pytest.raises(InvalidDocumentQuery, match="must be text"):
        store.find("events", OURS, filters={"customer_id": {"$ne": ""}})  # type: ignore[dict-item]


def test_it_counts_by_a_field_most_frequent_first(store: DocumentStore) -> None:
    kinds = ["view", "view", "view", "pay", "cart", "cart"]
    store.insert_many("events", OURS, [event(number, type=kind) for number, kind in enumerate(kinds)])
    counted = store.count_by("events", OURS, "type", since=NOON, until=NOON + 6 * MINUTE)
    assert list(counted.items()) == [("view", 3), ("cart", 2), ("pay", 1)]
    counted = store.count_by("events", OURS, "type", since=NOON + 3 * MINUTE, until=NOON + 5 * MINUTE)
    assert list(counted.items()) == [("cart", 1), ("pay", 1)]


def test_it_counts_documents_without_the_field_under_none(store: DocumentStore) -> None:
    store.insert_many("events", OURS, [event(0), event(1, customer_id=None)])
    counted = store.count_by("events", OURS, "customer_id", since=NOON, until=NOON + 9 * MINUTE)
    assert counted == {None: 1, "C00001": 1}


# --- erasing and expiring ---------------------------------------------------------------------------------------------
def test_an_erasure_deletes_what_the_filters_name(store: DocumentStore) -> None:
    store.insert_many("events", OURS, [event(0), event(1, customer_id="C2"), event(2)])
    assert store.delete("events", OURS, {"customer_id": "C00001"}) == 2
    assert ids(store, since=NOON) == ["event-0001"]
    assert store.delete("events", OURS, {"customer_id": "C00001"}) == 0


def test_it_refuses_to_delete_without_a_filter(store: DocumentStore) -> None:
    with pytest.raises(InvalidDocumentQuery, match="every document would be deleted"):
        store.delete("events", OURS, {})


def test_what_outlives_its_retention_expires_for_every_tenant(
    store: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kivendtout.lib.documents.store.BATCH", 2)  # several batches
    edge = NOON - COLLECTIONS["events"].retention
    old = [event(number, at=edge - MINUTE) for number in range(5)]
    store.insert_many("events", OURS, [*old, event(5, at=edge)])
    store.insert_many("events", THEIRS, old)
    payload = {"id": "1", "at": NOON - timedelta(days=91), "source": "payments", "body": ""}
    store.insert_many("raw_payloads", OURS, [payload])
    expired = store.expire(NOON)
    assert expired == dict.fromkeys(COLLECTIONS, 0) | {"events": 10, "raw_payloads": 1}
    assert ids(store, since=edge) == ["event-0005"]
    assert sum(store.expire(NOON).values()) == 0


# --- refusals ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"id": ""}, "id must be text"),
        ({"id": 7}, "id must be text"),
        ({"id": "x" * 201}, "id must be text"),
        ({"id": "a\0b"}, "NUL"),
        ({"at": None}, "date and time with a time zone"),
        ({"at": datetime(2025, 12, 1)}, "date and time with a time zone"),  # noqa: DTZ001  what is refused
        ({"at": "2025-12-01T12:00:00Z"}, "date and time with a time zone"),
        ({"type": None}, "shape of events"),
        ({"type": 5}, "type must be text"),
        ({"customer_id": "C\0"}, "NUL"),
        ({"session_id": "\ud800"}, "surrogate"),
        ({"device": 5}, "shape of events"),
        ({"note": "a\0b"}, "NUL"),
        ({"note": {"deep": ["\0"]}}, "NUL"),
        ({"note": {"a\0": 1}}, "NUL"),
        ({"note": "\udcff"}, "surrogate"),
        ({"note": {"$where": "1"}}, "may not begin with"),
        ({"a.b": 1}, "nor hold a"),
        ({"note": {1: 2}}, "named by int"),
        ({"tenant_id": 2}, "set by the store"),
        ({"_id": "x"}, "set by the store"),
        ({"note": NOON}, "datetime, which JSON does not have"),
        ({"note": [b"x"]}, "bytes, which JSON does not have"),
        ({"note": (1, 2)}, "tuple, which JSON does not have"),
        ({"note": float("nan")}, "finite"),
        ({"note": [float("inf")]}, "finite"),
        ({"note": 2**63}, "64 bits"),
        ({"note": 1e300}, "2\\*\\*53"),
    ],
)
def test_it_refuses_what_one_of_the_stores_could_not_give_back(
    store: DocumentStore, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidDocument, match=sentence) as refused:
        store.insert_many("events", OURS, [event(1), event(0) | change])
    assert refused.value.message.startswith("Document 1 (")
    assert store.count("events", OURS, since=NOON - MINUTE) == 0, "nothing is stored when one is refused"


def test_it_refuses_a_document_over_one_megabyte(store: DocumentStore) -> None:
    with pytest.raises(InvalidDocument, match="Split it"):
        store.insert_many("events", OURS, [event(note="x" * 1_000_001)])
    assert store.insert_many("events", OURS, [event(note="x" * 990_000)]).inserted == 1


def test_it_refuses_what_is_nested_too_deep(store: DocumentStore) -> None:
    def nested(levels: int) -> Any:
        return [nested(levels - 1)] if levels else "end"

    assert store.insert_many("events", OURS, [event(note=nested(32))]).inserted == 1
    with pytest.raises(InvalidDocument, match="flatten"):
        store.insert_many("events", OURS, [event(note=nested(33))])


def test_it_refuses_an_unknown_collection(store: DocumentStore) -> None:
    with pytest.raises(InvalidDocumentQuery, match=r"There is no collection .evnts.\. Use one of: events, "):
        store.find("evnts", OURS, since=NOON)


def test_it_refuses_a_filter_that_no_index_serves(store: DocumentStore) -> None:
    with pytest.raises(InvalidDocumentQuery, match="cannot be searched by 'device'"):
        store.find("events", OURS, filters={"device": "ios"})
    with pytest.raises(InvalidDocumentQuery, match="cannot be searched by 'device'"):
        store.count_by("events", OURS, "device", since=NOON, until=NOON)


def test_it_refuses_to_read_a_whole_collection(store: DocumentStore) -> None:
    with pytest.raises(InvalidDocumentQuery, match="Name since or a filter"):
        store.find("events", OURS)
    with pytest.raises(InvalidDocumentQuery, match="Name since or a filter"):
        store.count("events", OURS, until=NOON)


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_it_refuses_a_page_of_the_wrong_size(store: DocumentStore, limit: int) -> None:
    with pytest.raises(InvalidDocumentQuery, match="limit"):
        store.find("events", OURS, since=NOON, limit=limit)


@pytest.mark.parametrize("cursor", ["x", "é", "bm90IG91cnM=", "OTk5OTk5OTk5OTk5OTk5OTk6eA==", "MTo="])
def test_it_refuses_a_cursor_that_is_not_its_own(store: DocumentStore, cursor: str) -> None:
    with pytest.raises(InvalidDocumentQuery, match="cursor"):
        store.find("events", OURS, since=NOON, cursor=cursor)


def test_it_refuses_a_naive_bound(store: DocumentStore) -> None:
    naive = datetime(2025, 12, 1)  # noqa: DTZ001  what is refused
    with pytest.raises(InvalidDocumentQuery, match="since must be"):
        store.find("events", OURS, since=naive)
    with pytest.raises(InvalidDocumentQuery, match="now must be"):
        store.expire(naive)


# --- card numbers -----------------------------------------------------------------------------------------------------
def test_free_text_collections_lose_card_numbers_on_the_way_in(store: DocumentStore) -> None:
    payload = {
        "id": "1",
        "at": NOON,
        "source": "payments",
        "body": {
            "card": {"number": "4111 1111 1111 1111", "cvv": "123"},
            "raw": '{"pan": 5555555555554444, "cvc": "99"}',
        },
    }
    store.insert_many("raw_payloads", OURS, [payload])
    found = store.get("raw_payloads", OURS, "1")
    assert found is not None
    assert found["body"]["card"] == {"number": "[card number removed]", "cvv": "[redacted]"}
    assert "5555555555554444" not in found["body"]["raw"]


def test_it_answers_a_ping(store: DocumentStore) -> None:
    store.ping()


# --- counting for roll-ups --------------------------------------------------------------------------------------------
HOUR: Any = {"since": NOON, "until": NOON + 60 * MINUTE}


def test_it_counts_how_many_values_a_field_has(store: DocumentStore) -> None:
    sessions = ["S1", "S2", "S1", None, "S3"]
    store.insert_many("events", OURS, [event(number, session_id=one) for number, one in enumerate(sessions)])
    store.insert_many("events", OURS, [event(99, at=NOON + 60 * MINUTE, session_id="later")])
    store.insert_many("events", THEIRS, [event(0, session_id="S9")])
    assert store.count_different("events", OURS, "session_id", **HOUR) == 3
    assert store.count_different("events", OURS, "session_id", since=NOON - MINUTE, until=NOON) == 0


def test_it_tallies_groups_of_values(store: DocumentStore) -> None:
    seen = [("view", "S1"), ("view", "S1"), ("look", "S2"), ("look", "S1"), ("pay", "S2"), ("cart", None), ("x", "S4")]
    store.insert_many("events", OURS, [event(n, type=kind, session_id=one) for n, (kind, one) in enumerate(seen)])
    groups = {"seen": ("view", "look"), "carts": ("cart",), "paid": ["pay"], "never": ("gone",)}
    assert store.tally("events", OURS, "type", groups, different="session_id", **HOUR) == {
        "seen": Tally(4, 2),
        "carts": Tally(1, 0),
        "paid": Tally(1, 1),
        "never": Tally(0, 0),
    }
    none = dict.fromkeys(groups, Tally(0, 0))
    assert store.tally("events", THEIRS, "type", groups, different="session_id", **HOUR) == none


def test_it_counts_every_value_of_a_field_that_is_declared_for_it(store: DocumentStore) -> None:
    seen = ["P1", "P2", "P1", None, "P3", "P1"]
    store.insert_many("events", OURS, [event(n, type="view", product_id=one) for n, one in enumerate(seen)])
    store.insert_many("events", OURS, [event(90, type="cart", product_id="P9")])
    counted = store.count_values("events", OURS, "product_id", filters={"type": "view"}, **HOUR)
    assert sorted(counted) == [("P1", 3), ("P2", 1), ("P3", 1)]
    assert list(store.count_values("events", THEIRS, "product_id", **HOUR)) == []


def test_it_refuses_to_count_by_what_is_not_declared(store: DocumentStore) -> None:
    with pytest.raises(InvalidDocumentQuery, match="cannot be counted by 'device'"):
        store.count_values("events", OURS, "device", **HOUR)
    with pytest.raises(InvalidDocumentQuery, match="cannot be searched by 'device'"):
        store.count_different("events", OURS, "device", **HOUR)
    with pytest.raises(InvalidDocumentQuery, match="must be text"):
        store.tally("events", OURS, "type", {"x": [""]}, different="session_id", **HOUR)
    with pytest.raises(InvalidDocumentQuery, match="cannot be searched by 'device'"):
        store.tally("events", OURS, "type", {"x": ["y"]}, different="device", **HOUR)


def test_documents_that_were_proven_elsewhere_are_stored_alike(store: DocumentStore) -> None:
    prepared = prepare(COLLECTIONS["events"], events(3))
    assert store.insert_prepared("events", OURS, prepared[::-1]) == InsertResult(3, 0)
    assert store.insert_prepared("events", OURS, [*prepared, *prepared[:1]]) == InsertResult(0, 4)
    assert store.get("events", OURS, "event-0001") == events(2)[1]
