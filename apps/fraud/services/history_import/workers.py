"""The replay in several processes: each tells its own state of every payment, and computes the blocks it got to first.

Telling costs a fraction of computing, and a row depends on nothing but the payments before it: so who computes a block
changes nothing in it. Blocks are claimed in their order by whoever comes to them; a process that is held up claims
fewer. Finished blocks are files of the work folder, which the parent writes into the matrix in order, and removes.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
from django.utils.translation import gettext_noop

from apps.fraud.services.history_import.mapping import HistoryMap
from apps.fraud.services.history_import.process import begin
from apps.fraud.services.history_import.replay import Replay
from apps.fraud.services.history_import.runs import ROWS_A_BLOCK, read_blocks
from kivendtout.lib.errors import KvtError

# How long a stopped process may take to end.
PATIENCE_SECONDS: Final = 5


class WorkerLost(KvtError):
    code = "worker_lost"
    message = gettext_noop(
        "A process that computed features ended before its time. The machine may be short of memory: "
        "try again with fewer --workers."
    )


@dataclass(frozen=True)
class Job:
    paths: list[Path]
    left_out: np.ndarray[Any, np.dtype[np.int64]]
    mapped: HistoryMap
    folder: Path


@dataclass
class Pool:
    """Processes that start while the file is still being read, and get their job when it is sorted."""

    count: int
    _processes: list[Any] = field(default_factory=list)
    _pipes: list[Connection] = field(default_factory=list)
    _claimed: Any = None

    def start(self) -> None:
        context = get_context("spawn")  # threads of the libraries that read files would not survive a fork
        self._claimed = context.Value("q", 0)  # kept: it ends with whoever made it
        for _n in range(self.count):
            ours, theirs = context.Pipe()
            process = context.Process(target=begin, args=(theirs, self._claimed), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._pipes.append(ours)

    def tables(self, job: Job) -> Iterator[pa.Table]:
        """The matrix in order, block by block."""
        try:
            for pipe in self._pipes:
                pipe.send(job)
        except BrokenPipeError:
            raise WorkerLost from None
        ready: dict[int, Path] = {}
        turn, running = 0, list(self._pipes)
        while running or ready:
            if turn in ready:
                path = ready.pop(turn)
                with pa.memory_map(str(path)) as file:
                    yield pa.ipc.open_file(file).read_all()
                path.unlink()
                turn += 1
                continue
            for pipe in cast("list[Connection]", wait(running)):
                found = _heard(pipe)
                if found is None:
                    running.remove(pipe)
                else:
                    ready[found[0]] = found[1]

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.terminate()
            process.join(PATIENCE_SECONDS)
            if process.is_alive():
                process.kill()


def _heard(pipe: Connection) -> tuple[int, Path] | None:
    """A block's number and file; None when the process has come to the end."""
    try:
        told = pipe.recv()
    except (EOFError, OSError):
        raise WorkerLost from None
    if isinstance(told, BaseException):
        raise told
    return told  # type: ignore[no-any-return]  # what `work` sends


def work(pipe: Connection, claimed: Any) -> None:
    # Ctrl-C reaches the whole group; the parent decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        job: Job = pipe.recv()
        for number, path in _blocks_made(job, claimed):
            pipe.send((number, path))
        pipe.send(None)
    except (EOFError, BrokenPipeError):
        return  # the parent is gone
    except BaseException as error:
        pipe.send(error if isinstance(error, OSError | KvtError | MemoryError) else RuntimeError(repr(error)))


def _blocks_made(job: Job, claimed: Any) -> Iterator[tuple[int, Path]]:
    with without_collector():
        replay = Replay(job.mapped)
        for number, block in enumerate(read_blocks(job.paths, job.left_out, ROWS_A_BLOCK)):
            if not _claim(claimed, number):
                replay.tell(block)
                continue
            table, path = replay.table(block), job.folder / f"block-{number:07}.arrow"
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as file:
                file.write_table(table)
            yield number, path


def _claim(claimed: Any, number: int) -> bool:
    with claimed.get_lock():
        if claimed.value != number:
            return False
        claimed.value = number + 1
        return True


class without_collector:  # noqa: N801  a context manager that reads like a phrase
    """Nothing here refers to itself in a circle, and looking for circles among millions of rows takes a fifth of the
    time."""

    def __enter__(self) -> None:
        self.was_on = gc.isenabled()
        gc.disable()

    def __exit__(self, *_about: object) -> None:
        if self.was_on:
            gc.enable()


def in_process(job: Job) -> Iterator[pa.Table]:
    with without_collector():
        replay = Replay(job.mapped)
        for block in read_blocks(job.paths, job.left_out, ROWS_A_BLOCK):
            yield replay.table(block)
