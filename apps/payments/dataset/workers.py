"""Blocks in order, made here or by a few processes; the result is the same.

A worker simulates a block, tells how many sessions, payments and orders it holds, waits to hear
how many come before it, then writes its rows. So numbers run on without gaps across blocks,
and each block is simulated once.
"""

import contextlib
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from apps.payments.dataset.block import Counts, simulate
from apps.payments.dataset.encode import Part, encode_block
from apps.payments.dataset.options import DatasetError, DatasetOptions


def parts(options: DatasetOptions) -> Iterator[Part]:
    """Every block's part, in the order of the blocks."""
    count = min(options.workers, options.blocks)
    # A daemon, such as a task queue's process, may not have children of its own.
    if count == 1 or multiprocessing.current_process().daemon:
        return _alone(options)
    return _Crew(options, count).run()


def _alone(options: DatasetOptions) -> Iterator[Part]:
    before = Counts()
    for index in range(options.blocks):
        block = simulate(options, index)
        yield encode_block(options, block, before)
        before = before + block.counts


def _work(options: DatasetOptions, first: int, step: int, link: Connection) -> None:
    """The life of a worker process: every `step`-th block."""
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        try:
            for index in range(first, options.blocks, step):
                block = simulate(options, index)
                link.send((index, block.counts))
                link.send(encode_block(options, block, link.recv()))
        except (ArithmeticError, ValueError, LookupError, MemoryError, TypeError) as error:
            link.send(f"{type(error).__name__}: {error}")


@dataclass
class _Crew:
    options: DatasetOptions
    count: int
    links: list[Connection] = field(default_factory=list)
    processes: list[BaseProcess] = field(default_factory=list)
    counts: dict[int, Counts] = field(default_factory=dict)
    ready: dict[int, Part] = field(default_factory=dict)
    numbered: int = 0  # blocks that know what comes before them
    before: Counts = field(default_factory=Counts)

    def run(self) -> Iterator[Part]:
        self._start()
        try:
            for index in range(self.options.blocks):
                while index not in self.ready:
                    self._listen()
                yield self.ready.pop(index)
        finally:
            self._stop()

    def _start(self) -> None:
        # Spawned, since forking a process whose libraries run threads may hang; and each worker
        # with one thread of its own, since the processes already share out the cores.
        context = multiprocessing.get_context("spawn")
        inherited = os.environ.get("POLARS_MAX_THREADS")
        os.environ["POLARS_MAX_THREADS"] = "1"
        try:
            for number in range(self.count):
                mine, theirs = context.Pipe()
                process = context.Process(target=_work, args=(self.options, number, self.count, theirs), daemon=True)
                process.start()
                theirs.close()
                self.links.append(mine)
                self.processes.append(process)
        finally:
            if inherited is None:
                del os.environ["POLARS_MAX_THREADS"]
            else:
                os.environ["POLARS_MAX_THREADS"] = inherited

    def _listen(self) -> None:
        for link in wait([link for link in self.links if not link.closed]):
            assert isinstance(link, Connection)
            try:
                message = link.recv()
            except (EOFError, ConnectionResetError):
                link.close()
                self._expect_a_good_end(self.processes[self.links.index(link)])
                continue
            self._take(message)

    @staticmethod
    def _expect_a_good_end(process: BaseProcess) -> None:
        # Its link closes a moment before the process is gone and has an exit code.
        process.join(timeout=10)
        if process.exitcode != 0:
            raise DatasetError("A worker process ended early; free some memory or try --workers 1.")

    def _take(self, message: object) -> None:
        if isinstance(message, str):
            raise DatasetError(f"A worker process failed ({message}); try --workers 1 to see where.")
        if isinstance(message, Part):
            self.ready[message.index] = message
            return
        assert isinstance(message, tuple)
        index, counts = message
        self.counts[index] = counts
        while self.numbered in self.counts:
            self.links[self.numbered % self.count].send(self.before)
            self.before = self.before + self.counts.pop(self.numbered)
            self.numbered += 1

    def _stop(self) -> None:
        for link in self.links:
            link.close()
        for process in self.processes:
            process.join(timeout=0.2)
            if process.is_alive():
                process.terminate()
            process.join()
