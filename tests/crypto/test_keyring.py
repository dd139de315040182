"""The local key ring: private, atomic, never silently replaced."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import pickle
import stat
from pathlib import Path

import pytest

from kivendtout.lib.crypto.errors import KeyRingError, MissingKey, UnsafeUse
from kivendtout.lib.crypto.hashing import blind_index, blind_indexes, keyed_hash, keyed_hashes, normalise, search_hashes
from kivendtout.lib.crypto.keyring import KeyState, use_keyring
from kivendtout.lib.crypto.localring import LocalKeyRing
from kivendtout.lib.crypto.plaintext import Plaintext


@pytest.fixture
def fresh(tmp_path: Path) -> LocalKeyRing:
    ring = LocalKeyRing(tmp_path / "keys" / "ring.json", autocreate=True)
    ring.ensure(tables=["people"], indexes=["people.email"])
    return ring


def test_it_creates_a_private_file_with_256_bit_keys(fresh: LocalKeyRing) -> None:
    assert stat.S_IMODE(fresh.path.stat().st_mode) == 0o600
    data = json.loads(fresh.path.read_text())
    assert len(base64.b64decode(data["tables"]["people"][0]["key"])) == 32
    assert fresh.state().active("people").id == data["tables"]["people"][0]["id"]


def test_it_never_shows_a_secret(fresh: LocalKeyRing) -> None:
    key = fresh.state().active("people")
    for text in (repr(key), str(fresh.state())):
        assert repr(key.secret)[2:-1] not in text and key.secret.hex() not in text
    assert "secret" not in repr(Plaintext("secret"))
    with pytest.raises(TypeError):
        pickle.dumps(Plaintext("secret"))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_it_refuses_a_file_that_others_can_read(fresh: LocalKeyRing, mode: int) -> None:
    fresh.path.chmod(mode)
    with pytest.raises(KeyRingError, match=r"can be read by others .* Run `chmod 600"):
        LocalKeyRing(fresh.path, autocreate=True).state()


def test_it_does_not_create_a_ring_in_production(tmp_path: Path) -> None:
    ring = LocalKeyRing(tmp_path / "ring.json", autocreate=False)
    ring.ensure(tables=["people"], indexes=[])
    with pytest.raises(KeyRingError, match=r"There is no key ring at .*rotate_keys --create"):
        ring.state()
    assert not ring.path.exists()
    assert ring.create(tables=["people"], indexes=[]) == ["people"] and ring.create(tables=["people"], indexes=[]) == []
    with pytest.raises(MissingKey, match="no active key for table badges"):
        ring.state().active("badges")


@pytest.mark.parametrize(
    "content", ["", "{", '{"format": 9}', '{"format": 1, "tables": {"t": [{"id": "1"}]}, "indexes": {}}']
)
def test_it_refuses_a_damaged_file_and_does_not_replace_it(fresh: LocalKeyRing, content: str) -> None:
    fresh.path.write_text(content)
    for use in (fresh.state, lambda: fresh.create(tables=["x"], indexes=[]), lambda: fresh.add_table_key("people")):
        with pytest.raises(KeyRingError, match=r"is damaged .* Restore it from its backup"):
            use()
    assert fresh.path.read_text() == content


def test_it_goes_through_the_states_of_a_key(fresh: LocalKeyRing) -> None:
    first, second = fresh.state().active("people"), fresh.add_table_key("people")
    assert fresh.state().active("people") == first
    fresh.set_table_key("people", second.id, KeyState.ACTIVE)
    assert [key.state for key in fresh.state().tables["people"]] == [KeyState.READABLE, KeyState.ACTIVE]
    fresh.set_table_key("people", first.id, KeyState.RETIRED)
    assert first.id in fresh.state().secrets_by_id()
    fresh.set_table_key("people", first.id, KeyState.DESTROYED)
    assert (
        first.id not in fresh.state().secrets_by_id()
        and base64.b64encode(first.secret).decode() not in fresh.path.read_text()
    )
    with pytest.raises(KeyRingError, match="has no key 00000000"):
        fresh.set_table_key("people", "00000000", KeyState.ACTIVE)


def test_another_ring_object_sees_a_change_at_once(fresh: LocalKeyRing) -> None:
    other = LocalKeyRing(fresh.path, autocreate=False)
    assert other.state() == fresh.state()
    for _ in range(20):  # faster than the clock of the file system
        new = fresh.add_table_key("people")
        assert new in other.state().tables["people"]


def _add(path: Path, times: int) -> None:
    ring = LocalKeyRing(path, autocreate=True)
    for i in range(times):
        ring.add_table_key("people")
        ring.ensure(tables=[f"t{i}_{os.getpid()}"], indexes=[])


def test_it_loses_no_key_when_processes_write_at_once(fresh: LocalKeyRing) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_add, args=(fresh.path, 10)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0
    state = fresh.state()
    assert len(state.tables["people"]) == 41 and len(state.tables) == 41
    assert len(state.secrets_by_id()) == 81


def test_it_survives_a_kill_while_it_writes(fresh: LocalKeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fresh.path.read_text()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        fresh.add_table_key("people")
    monkeypatch.undo()
    assert fresh.path.read_text() == before and [
        p.name for p in fresh.path.parent.iterdir() if "lock" not in p.name
    ] == ["ring.json"]
    fresh.add_table_key("people")


# --- keyed hashes -----------------------------------------------------------------------------------------------------
def test_it_hashes_under_a_purpose_and_a_version(fresh: LocalKeyRing, tmp_path: Path) -> None:
    with use_keyring(fresh):
        old = keyed_hash("ip", "203.0.113.7")
        assert old == keyed_hash("ip", "203.0.113.7") and len(old) == 18 and old[:2] == b"\0\1"
        assert old[2:] != keyed_hash("card", "203.0.113.7")[2:] and old != keyed_hash("ip", "203.0.113.8")
        fresh.set_index_key("ip", fresh.add_index_key("ip").id, KeyState.ACTIVE)
        new = keyed_hash("ip", "203.0.113.7")
        assert new[:2] == b"\0\2" and keyed_hashes("ip", "203.0.113.7") == [new, old]
    with use_keyring(LocalKeyRing(tmp_path / "other.json", autocreate=True)):
        assert keyed_hash("ip", "203.0.113.7") != old


def test_it_hashes_batches_like_single_values(fresh: LocalKeyRing) -> None:
    with use_keyring(fresh):
        values = ["A@x.org", None, "", "b@x.org "]
        batch = blind_indexes("people.email", values, normaliser="email")
        assert batch == [blind_index("people.email", v, normaliser="email") for v in values]
        assert batch[1] is batch[2] is None
        assert search_hashes("people.email", "a@X.ORG", normaliser="email") == [batch[0]]
        with pytest.raises(UnsafeUse):
            search_hashes("people.email", "", normaliser="email")


@pytest.mark.parametrize(
    ("how", "one", "same"),
    [
        ("email", "Ada@Example.ORG", " ada@example.org"),
        ("text", "JOSE\u0301  de la\tTour", "josé de la tour"),
        ("text", "STRASSE", "straße"),
        ("phone", "+33 6 12-34.56", "00336123456"),
        ("phone", "06 12 34", "061234"),
        ("exact", "x", "x"),
    ],
)
def test_it_normalises_what_people_write_differently(how: str, one: str, same: str) -> None:
    assert normalise(how, one) == normalise(how, same)


@pytest.mark.parametrize(
    ("how", "one", "other"), [("phone", "+33 6", "336"), ("email", "a@x.org", "b@x.org"), ("exact", "x", "X")]
)
def test_it_keeps_different_values_apart(how: str, one: str, other: str) -> None:
    assert normalise(how, one) != normalise(how, other)
