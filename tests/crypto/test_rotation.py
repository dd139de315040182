"""Rotation while others write, killed and resumed, and what it refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from apps.compliance.services import keys
from kivendtout.lib.crypto import rotation
from kivendtout.lib.crypto.errors import KeyRingError
from kivendtout.lib.crypto.fields import Unreadable
from kivendtout.lib.crypto.keyring import KeyState, use_keyring
from kivendtout.lib.crypto.localring import LocalKeyRing
from kivendtout.lib.crypto.rotation import Options, rotate_table
from tests.crypto.app.models import Badge, Person

TABLE, PURPOSE = "crypto_tests_person", "crypto_tests_person.email_index"
FAST = Options(batch=20, grace=0.0, patience=20.0)
pytestmark = pytest.mark.usefixtures("committed")


def people(count: int) -> None:
    Person.objects.bulk_create(
        Person(name=f"n{i}" if i % 4 else None, email=f"{i}@x.org" if i % 3 else None, birth_date="1990-01-02")
        for i in range(count)
    )


def key_ids() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT kvt_key_id(v) FROM {TABLE}, unnest(ARRAY[name, email, birth_date]) AS v "
            "WHERE v IS NOT NULL"
        )
        return {row[0] for row in cursor.fetchall()}


def everything() -> set[tuple[Any, ...]]:
    return set(Person.objects.values_list("id", "name", "email", "birth_date"))


def rotate(*args: str) -> dict[str, Any]:
    out, err = StringIO(), StringIO()
    call_command("rotate_keys", "--json", "--grace", "0", *args, stdout=out, stderr=err)
    return json.loads(out.getvalue())


def states(ring: LocalKeyRing) -> list[str]:
    return [key.state.value for key in ring.state().tables[TABLE]]


def test_it_puts_every_value_under_the_new_key(committed: LocalKeyRing) -> None:
    people(130)
    before = everything()
    result = rotate("--table", TABLE, "--batch", "50")["rotated"]
    assert [(r["name"], r["rows"], r["finished"]) for r in result] == [(TABLE, 130, True)]
    assert key_ids() == {committed.state().active(TABLE).id} == {result[0]["new_key"]}
    assert everything() == before and states(committed) == ["retired", "active"]
    assert Person.objects.get(email_index__matches="7@X.org").email == "7@x.org"


def test_it_rotates_every_table_and_an_empty_one() -> None:
    people(3)
    Badge.objects.create(person=Person.objects.first(), number="1", phone="06")
    done = {r["name"]: r["rows"] for r in rotate()["rotated"]}
    assert done[TABLE] == 3 and done["crypto_tests_badge"] == 1
    assert Badge.objects.get(phone_index__matches="06").phone == "06"


def test_it_is_killed_anywhere_and_resumed(committed: LocalKeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    people(100)
    before = everything()
    for place in ("announce", "activate", "third batch", "verify"):
        with killed_at(place, monkeypatch), pytest.raises(KeyboardInterrupt):
            rotate_table(Person, FAST)
        Person.objects.filter(pk=min(before)[0]).update(city=place)
        assert everything() == before, place
        with pytest.raises(CommandError, match=r"was interrupted\. Finish it with .*--resume"):
            rotate("--table", TABLE)
        assert rotate("--table", TABLE, "--resume", "--batch", "30")["rotated"][0]["finished"]
        assert key_ids() == {committed.state().active(TABLE).id} and everything() == before
        assert set(states(committed)[:-1]) == {"retired"}


@contextmanager
def killed_at(place: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def die_later(self: rotation.Table, *args: Any) -> int:
        batches.append(1)
        return die() or 0 if len(batches) == 3 else real(self, *args)

    batches: list[int] = []
    real = rotation.Table._reencrypt
    with monkeypatch.context() as patch:
        if place == "announce":
            patch.setattr(rotation, "pause", die)
        elif place == "activate":
            patch.setattr(rotation.Table, "sweep", die)
        elif place == "third batch":
            patch.setattr(rotation.Table, "_reencrypt", die_later)
        else:
            patch.setattr(rotation.Table, "left_rows", die)
        yield


def test_it_resumes_nothing_when_nothing_was_interrupted(committed: LocalKeyRing) -> None:
    people(2)
    assert rotate("--resume", "--table", TABLE)["rotated"][0]["rows"] == 0 and states(committed) == ["active"]


def test_it_loses_no_write_that_happens_meanwhile(committed: LocalKeyRing) -> None:
    people(300)
    ids = list(Person.objects.order_by("id").values_list("id", flat=True))
    written: dict[int, str] = {}
    stop, failures = threading.Event(), []

    def write(offset: int) -> None:
        # Its own ring object, as another process has.
        try:
            i = 0
            while not stop.is_set():
                pk = ids[(offset + i * 7) % len(ids)]
                if pk % 2 == offset:
                    value = f"w{offset}-{i}"
                    with transaction.atomic():
                        Person.objects.filter(pk=pk).update(name=value, email=f"{value}@x.org")
                        written[pk] = value
                    if isinstance(Person.objects.get(pk=pk).name, Unreadable):
                        failures.append(pk)
                    if i % 10 == 0:
                        new = Person.objects.create(name=value)
                        written[new.pk] = value
                i += 1
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write, args=(n,)) for n in (0, 1)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(3):
            assert rotate_table(Person, FAST).finished
    finally:
        stop.set()
        for writer in writers:
            writer.join(20)
    assert not failures and len(written) > 20
    assert dict(Person.objects.filter(pk__in=written).values_list("id", "name")) == written
    assert not any(isinstance(value, Unreadable) for row in everything() for value in row)
    assert key_ids() == {committed.state().active(TABLE).id}


def test_it_waits_for_a_transaction_that_wrote_with_the_former_key(committed: LocalKeyRing) -> None:
    people(1)
    wrote, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            Person.objects.create(name="slow")
            wrote.set()
            may_commit.wait(10)
        connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    wrote.wait(10)
    threading.Timer(0.5, may_commit.set).start()
    outcome = rotate_table(Person, FAST)
    thread.join(10)
    assert outcome.finished and outcome.rows == 2
    assert key_ids() == {committed.state().active(TABLE).id}


def test_it_gives_up_waiting_with_a_sentence_and_can_be_resumed(committed: LocalKeyRing) -> None:
    people(1)
    wrote, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            Person.objects.create(name="slow")
            wrote.set()
            may_commit.wait(10)
        connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    wrote.wait(10)
    with pytest.raises(KeyRingError, match="A transaction has been open"):
        rotate_table(Person, Options(grace=0, patience=0.3))
    may_commit.set()
    thread.join(10)
    assert states(committed) == ["readable", "active"]
    assert rotate("--resume", "--table", TABLE)["rotated"][0]["finished"]


def test_it_meets_a_locked_row_again(committed: LocalKeyRing) -> None:
    people(40)
    locked, may_end = threading.Event(), threading.Event()

    def lock() -> None:
        with transaction.atomic():
            assert Person.objects.select_for_update().order_by("id").first()
            locked.set()
            may_end.wait(10)
        connections.close_all()

    thread = threading.Thread(target=lock)
    thread.start()
    locked.wait(10)
    threading.Timer(0.6, may_end.set).start()
    assert rotate_table(Person, FAST).finished
    thread.join(10)
    assert key_ids() == {committed.state().active(TABLE).id}


def test_it_names_the_rows_that_it_could_not_rotate_and_keeps_their_key(committed: LocalKeyRing) -> None:
    people(5)
    bad = Person.objects.order_by("id")[2]
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {TABLE} SET email = substr(email, 1, 5) || sha256('x') WHERE id = %s", [bad.pk])
    with pytest.raises(CommandError, match=rf"{TABLE} {bad.pk}\. Their former keys stay"):
        rotate("--table", TABLE)
    assert states(committed) == ["readable", "active"] and len(key_ids()) == 2
    assert Person.objects.exclude(pk=bad.pk).exclude(email=None).count() == 2
    Person.objects.filter(pk=bad.pk).update(email="new@x.org")
    assert rotate("--table", TABLE, "--resume")["rotated"][0]["finished"]


def test_it_rotates_one_at_a_time_and_not_in_a_transaction() -> None:
    people(1)
    with transaction.atomic(), pytest.raises(KeyRingError, match=r"outside of transaction\.atomic"):
        rotate_table(Person, FAST)
    other = connections.create_connection("default")
    try:
        with rotation.alone(f"table {TABLE}", other), pytest.raises(KeyRingError, match="Another rotation"):
            rotate_table(Person, FAST)
    finally:
        other.close()
    with pytest.raises(CommandError, match=r"no table with encrypted fields named nothing\. Known:"):
        rotate("--table", "nothing")


def test_a_process_with_an_old_ring_reads_and_writes_through_a_rotation(committed: LocalKeyRing) -> None:
    """Its connection and its ring object date from before; it looks at the file before each query."""
    people(3)
    seen: list[Any] = []
    step, done = threading.Semaphore(0), threading.Semaphore(0)

    def old_process() -> None:
        with transaction.atomic():  # the same transaction throughout
            for n in range(3):
                step.acquire(timeout=10)
                Person.objects.create(name=f"old{n}")
                seen.append([str(name) for name in Person.objects.values_list("name", flat=True)])
                done.release()
        connections.close_all()

    thread = threading.Thread(target=old_process)
    thread.start()
    for change in (lambda: None, lambda: committed.add_table_key(TABLE), lambda: activate_last(committed)):
        change()
        step.release()
        assert done.acquire(timeout=10)
        Person.objects.create(name="new process")
    thread.join(10)
    assert len(seen) == 3 and not any("unreadable" in name for names in seen for name in names)
    assert len(key_ids()) == 2


def activate_last(ring: LocalKeyRing) -> None:
    ring.set_table_key(TABLE, ring.state().tables[TABLE][-1].id, KeyState.ACTIVE)


def test_a_key_learnt_in_a_transaction_that_rolled_back_is_learnt_again(committed: LocalKeyRing) -> None:
    people(1)
    with transaction.atomic():
        activate_new(committed)
        Person.objects.create(name="in")
        transaction.set_rollback(True)
    with transaction.atomic():
        activate_new(committed)
        try:
            with transaction.atomic():
                Person.objects.create(name="savepoint")
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        Person.objects.create(name="after")
    assert Person.objects.get(pk=Person.objects.latest("id").pk).name == "after"


def activate_new(ring: LocalKeyRing) -> None:
    ring.set_table_key(TABLE, ring.add_table_key(TABLE).id, KeyState.ACTIVE)


# --- blind indexes ----------------------------------------------------------------------------------------------------
def versions() -> set[bytes]:
    found = Person.objects.exclude(email_index=None).values_list("email_index", flat=True)
    return {bytes(value)[:2] for value in found}


def test_it_rotates_a_blind_index_and_searches_match_throughout(
    committed: LocalKeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kivendtout.lib.crypto import rotation_index

    people(60)
    found: list[int] = []
    real = rotation_index.IndexColumn._rehash

    def search_between(self: Any, *args: Any) -> int:
        done = real(self, *args)
        found.extend(Person.objects.filter(email_index__matches=f"{i}@x.org").count() for i in (1, 58))
        return done

    monkeypatch.setattr(rotation_index.IndexColumn, "_rehash", search_between)
    (result,) = rotate("--index", "--purpose", PURPOSE, "--batch", "20")["rotated"]
    assert (result["rows"], result["finished"], result["new_key"]) == (40, True, "2")
    assert set(found) == {1} and versions() == {b"\0\2"}
    assert Person.objects.get(email_index__matches="1@x.org").email == "1@x.org"


def test_it_fills_indexes_of_rows_that_were_loaded_without_one() -> None:
    people(4)
    Person.objects.update(email_index=None)
    rotate("--index", "--purpose", PURPOSE)
    assert Person.objects.get(email_index__matches="2@x.org").email == "2@x.org"


def test_it_resumes_a_blind_index(committed: LocalKeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    from kivendtout.lib.crypto import rotation_index

    people(30)
    with monkeypatch.context() as patch:
        patch.setattr(rotation_index.IndexColumn, "left_rows", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            keys.keys_rotate_indexes(purposes=[PURPOSE], options=FAST)
    with pytest.raises(CommandError, match="was interrupted"):
        rotate("--index", "--purpose", PURPOSE)
    assert rotate("--index", "--purpose", PURPOSE, "--resume")["rotated"][0]["finished"]
    assert [key.state.value for key in committed.state().indexes[PURPOSE]] == ["retired", "active"]


def test_it_names_rows_whose_value_a_unique_index_holds_twice(committed: LocalKeyRing) -> None:
    """Under two versions the same value has two hashes, so uniqueness has a gap while the rotation runs."""
    purpose = "crypto_tests_badge.phone_index"
    people(1)
    person = Person.objects.get()
    Badge.objects.create(person=person, number="1", phone="111")
    Badge.objects.create(person=person, number="2", phone="222")
    committed.set_index_key(purpose, committed.add_index_key(purpose).id, KeyState.ACTIVE)
    twin = Badge.objects.create(person=person, number="3", phone="222")
    with pytest.raises(CommandError, match="crypto_tests_badge"):
        rotate("--index", "--purpose", purpose, "--resume")
    assert Badge.objects.get(phone_index__matches="111").number == "1"
    twin.delete()
    assert rotate("--index", "--purpose", purpose, "--resume")["rotated"][0]["finished"]


# --- looking and destroying -------------------------------------------------------------------------------------------
def test_it_lists_creates_and_destroys(committed: LocalKeyRing) -> None:
    people(2)
    old = committed.state().active(TABLE).id
    with pytest.raises(CommandError, match="is active, not retired"):
        rotate("--destroy", old)
    rotate("--table", TABLE)
    listed = rotate("--list")
    assert [key["state"] for key in listed["tables"][TABLE]] == ["retired", "active"]
    assert "key" not in listed["tables"][TABLE][0]
    assert rotate("--destroy", old) == {"destroyed": old, "table": TABLE}
    assert states(committed) == ["destroyed", "active"] and rotate("--create")["created"] is not None
    with pytest.raises(CommandError, match="has no key nonsense"):
        rotate("--destroy", "nonsense")


def test_it_does_not_destroy_a_key_that_a_restored_row_needs(committed: LocalKeyRing, tmp_path: Path) -> None:
    people(1)
    old = committed.state().active(TABLE).id
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE backup AS SELECT id, birth_date FROM {TABLE}")
        rotate("--table", TABLE)
        cursor.execute(f"UPDATE {TABLE} AS t SET birth_date = b.birth_date FROM backup b WHERE b.id = t.id")
        cursor.execute("DROP TABLE backup")
    assert str(Person.objects.get().birth_date) == "1990-01-02"
    with pytest.raises(CommandError, match="still need key"):
        rotate("--destroy", old)


def test_it_reports_a_missing_ring_in_one_sentence(tmp_path: Path) -> None:
    with (
        use_keyring(LocalKeyRing(tmp_path / "none.json", autocreate=False)),
        pytest.raises(CommandError, match="no key ring"),
    ):
        rotate("--table", TABLE)
