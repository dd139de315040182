"""The embedded broker's partition log, without a network around it."""

from pathlib import Path

import pytest

from kivendtout.devservices.kafka_broker.codes import Code, RefusedError
from kivendtout.devservices.kafka_broker.log import LATEST, PartitionLog
from kivendtout.devservices.kafka_broker.offsets import Committed, Offsets

from .kafka_raw import batch

LIMIT = 1_000_000


def filled(folder: Path, count: int = 60, segment_bytes: int = 2000) -> PartitionLog:
    log = PartitionLog(folder, segment_bytes)
    for number in range(count):
        log.append(batch(f"value-{number}", "second", timestamp=1000 * number), LIMIT)
    return log


def test_every_offset_can_be_read_across_segments_and_after_a_restart(tmp_path: Path) -> None:
    log = filled(tmp_path)
    assert len(log.segments) > 2
    for opened in (log, PartitionLog(tmp_path, 2000)):
        assert (opened.start_offset, opened.next_offset) == (0, 120)
        for offset in range(120):
            first_batch = int.from_bytes(opened.read(offset, 1)[:8], "big")
            assert first_batch == offset - offset % 2
        assert opened.read(120, 1) == b""


def test_a_long_segment_is_found_through_its_index(tmp_path: Path) -> None:
    log = filled(tmp_path, count=500, segment_bytes=LIMIT)
    assert len(log.segments) == 1
    assert all(int.from_bytes(log.read(offset, 1)[:8], "big") == offset - offset % 2 for offset in range(0, 1000, 7))


@pytest.mark.parametrize("offset", [-1, 121])
def test_an_offset_outside_is_refused(tmp_path: Path, offset: int) -> None:
    with pytest.raises(RefusedError) as refused:
        filled(tmp_path).read(offset, 1)
    assert refused.value.code is Code.OFFSET_OUT_OF_RANGE


def test_times_are_found_across_segments(tmp_path: Path) -> None:
    log = filled(tmp_path)
    assert log.offset_for(30_500) == (62, 31_000)
    assert log.offset_for(0) == (0, 0)
    assert log.offset_for(10**9) == (-1, -1)
    assert log.offset_for(LATEST) == (120, -1)


def test_wherever_the_last_write_was_torn_the_whole_batches_before_it_stay(tmp_path: Path) -> None:
    log = PartitionLog(tmp_path, LIMIT)
    for value in ("one", "two"):
        log.append(batch(value), LIMIT)
    path, keep = log.segments[0].path, log.segments[0].size
    log.append(batch("three"), LIMIT)
    log.close()
    whole = path.read_bytes()
    for cut in range(keep, len(whole)):
        path.write_bytes(whole[:cut])
        assert PartitionLog(tmp_path, LIMIT).next_offset == 2
        assert path.stat().st_size == keep
    path.write_bytes(whole[:keep] + bytes(len(whole) - keep))  # as after a power cut: length there, content not
    assert PartitionLog(tmp_path, LIMIT).next_offset == 2


def test_old_segments_go_by_size_and_by_age_but_never_the_last(tmp_path: Path) -> None:
    log = filled(tmp_path)
    log.retain(now_ms=60_000, retention_ms=-1, retention_bytes=-1)
    assert log.start_offset == 0
    log.retain(now_ms=60_000, retention_ms=30_000, retention_bytes=-1)
    assert 40 <= log.start_offset <= 62
    log.retain(now_ms=60_000, retention_ms=0, retention_bytes=0)
    assert len(log.segments) == 1
    assert log.next_offset == 120
    assert PartitionLog(tmp_path, 2000).start_offset == log.start_offset > 0


def test_sequences_may_wrap_around(tmp_path: Path) -> None:
    log = PartitionLog(tmp_path, LIMIT)
    last = 2**31 - 1
    log.append(batch("a", "b", producer=(1, 0), sequence=last - 1), LIMIT)
    log.append(batch("c", producer=(1, 0), sequence=0), LIMIT)
    assert log.next_offset == 3


def test_a_producer_of_an_older_epoch_is_fenced(tmp_path: Path) -> None:
    log = PartitionLog(tmp_path, LIMIT)
    log.append(batch("a", producer=(1, 1), sequence=0), LIMIT)
    with pytest.raises(RefusedError) as refused:
        log.append(batch("b", producer=(1, 0), sequence=1), LIMIT)
    assert refused.value.code is Code.INVALID_PRODUCER_EPOCH


def test_two_batches_for_one_partition_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        PartitionLog(tmp_path, LIMIT).append(batch("a") + batch("b"), LIMIT)
    assert refused.value.code is Code.INVALID_RECORD


def test_a_torn_commit_is_forgotten_and_the_ones_before_it_are_kept(tmp_path: Path) -> None:
    offsets = Offsets(tmp_path)
    offsets.commit("g", {("t", 0): Committed(5, "note"), ("t", 1): Committed(7, "")})
    offsets.commit("g", {("t", 0): Committed(6, "")})
    offsets.close()
    with (tmp_path / "offsets.jsonl").open("ab") as journal:
        journal.write(b'{"group": "g", "topic": "t", "parti')
    again = Offsets(tmp_path)
    assert again.of("g") == {("t", 0): Committed(6, ""), ("t", 1): Committed(7, "")}
    again.forget_topic("t")
    again.close()
    assert Offsets(tmp_path).of("g") == {}


def test_the_journal_of_commits_does_not_grow_for_ever(tmp_path: Path) -> None:
    offsets = Offsets(tmp_path)
    for number in range(25_000):
        offsets.commit("g", {("t", 0): Committed(number, "")})
    assert offsets.of("g")[("t", 0)].offset == 24_999
    assert (tmp_path / "offsets.jsonl").stat().st_size < 1_000_000


def test_commits_go_on_when_there_is_no_room_to_shorten_their_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offsets = Offsets(tmp_path)

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    for number in range(21_000):
        offsets.commit("g", {("t", 0): Committed(number, "")})
    monkeypatch.undo()
    offsets.close()
    assert Offsets(tmp_path).of("g")[("t", 0)].offset == 20_999
