"""Requests that arrive at the same time share one transaction: a group commit.

A transaction of one payment costs almost what one of thirty does (some twenty statements and a flush to disk).
So each request puts its payment into a queue and waits; a thread takes whatever is waiting, decides on all of it in
one transaction, and answers each. Nothing is waited for on purpose: alone, a payment goes at once. Under load the
batches grow by themselves, and with them the rate.
"""

from __future__ import annotations

import atexit
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, field
from functools import cache
from threading import Condition, Lock, Thread
from time import monotonic, perf_counter_ns
from typing import Final

import structlog
from django.db import InterfaceError, InternalError, OperationalError, close_old_connections, connection

from apps.fraud.services.intake_batch import Answer, Ask, batch_decide
from kivendtout.lib.clock import now
from kivendtout.lib.deadline import answer_within, seconds_left
from kivendtout.lib.errors import KvtError, ServiceUnavailable
from kivendtout.lib.trace import trace_scope

# A partner that has waited this long is better served by "try again" than by more waiting.
DEADLINE: Final = 0.9
# Nobody waits for a batch any more when its thread gives a PostgreSQL that hangs up, and takes a new connection. Above
# STATEMENT_MS, so that a statement that is merely slow is ended by PostgreSQL itself.
BATCH_SECONDS: Final = 3.0
MOST_TOGETHER: Final = 200
# More than a second's work: whoever comes now would wait beyond the deadline anyway.
MOST_WAITING: Final = 2_000
# One waits for the disk while the other works.
THREADS: Final = 2

# The last is what a server says that may only be read, such as a standby before it takes over.
AWAY: Final = (OperationalError, InterfaceError, InternalError)

log = structlog.get_logger(__name__)


class DatabaseAway(ServiceUnavailable):
    message = "The payment could not be recorded, so it was not decided on. Send it again, with the same payment_id."


class NotDecided(KvtError):
    """A fault of ours with this one payment. Nothing of it was recorded; what happened is in the log."""

    code = "not_decided"
    message = "The payment could not be decided on, by a fault of ours. Give the trace id to support."


@dataclass(frozen=True)
class _Waiting:
    ask: Ask
    began_ns: int
    answer: Future[Answer] = field(default_factory=Future)


class Intake:
    def __init__(self) -> None:
        self.waiting: deque[_Waiting] = deque()
        self.wake = Condition()
        self.busy_since: dict[int, float] = {}
        self.closed = False
        self.process_id = os.getpid()
        self.threads = [Thread(target=self._run, args=(n,), name=f"intake-{n}", daemon=True) for n in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def score(self, ask: Ask) -> Answer:
        one = _Waiting(ask, perf_counter_ns())
        with self.wake:
            if self.closed or len(self.waiting) >= MOST_WAITING or self._is_stuck():
                raise DatabaseAway
            self.waiting.append(one)
            self.wake.notify()
        try:
            return one.answer.result(seconds_left(DEADLINE))
        except Late:
            # Not begun: it never will be. Begun: it may yet be recorded, and its repetition will find it.
            one.answer.cancel()
            raise DatabaseAway from None

    def close(self) -> None:
        """What waits is still answered. A process that was forked has none of these threads, and maybe a held lock."""
        if os.getpid() != self.process_id:
            return
        with self.wake:
            self.closed = True
            self.wake.notify_all()
        for thread in self.threads:
            thread.join(DEADLINE)

    def _is_stuck(self) -> bool:
        """Every thread has been at one batch for longer than anybody waits."""
        return len(self.busy_since) == THREADS and monotonic() - max(self.busy_since.values()) > DEADLINE

    def _run(self, number: int) -> None:
        while batch := self._take(number):
            try:
                _answer(batch)
            finally:
                with self.wake:
                    self.busy_since.pop(number, None)
        connection.close()

    def _take(self, number: int) -> list[_Waiting]:
        with self.wake:
            while not self.waiting:
                if self.closed:
                    return []
                self.wake.wait()
            tenant_id = self.waiting[0].ask.tenant_id
            batch: list[_Waiting] = []
            others: list[_Waiting] = []
            while self.waiting and len(batch) < MOST_TOGETHER:
                one = self.waiting.popleft()
                (batch if one.ask.tenant_id == tenant_id else others).append(one)
            self.waiting.extendleft(reversed(others))
            if others:
                self.wake.notify()
            self.busy_since[number] = monotonic()
            return batch


def _answer(batch: list[_Waiting]) -> None:
    live = [one for one in batch if one.answer.set_running_or_notify_cancel()]
    if not live:
        return
    try:
        with answer_within(BATCH_SECONDS):
            answers = decide_together([one.ask for one in live], began_ns=min(one.began_ns for one in live))
        pairs = list(zip(live, answers, strict=True))
    except BaseException as error:
        for one in live:
            one.answer.set_exception(error)
        return
    for one, answer in pairs:
        one.answer.set_result(answer)


def decide_together(asks: Sequence[Ask], *, began_ns: int) -> list[Answer]:
    """One transaction for all; when it fails on somebody's data, one each, so that the others are not held up."""
    close_old_connections()
    try:
        answers = batch_decide(asks, now=now(), began_ns=began_ns)
    except AWAY as error:
        log.warning("score_database_away", error=type(error.__cause__ or error).__name__, payments=len(asks))
        connection.close()
        raise DatabaseAway from error
    except KvtError:
        raise
    except Exception:
        if len(asks) == 1:
            with trace_scope(asks[0].trace_id):  # a thread of the intake has no trace of its own
                log.exception("score_failed")
            return [Answer(error=NotDecided())]
        log.warning("score_batch_apart", payments=len(asks), exc_info=True)
        return [one for ask in asks for one in decide_together([ask], began_ns=began_ns)]
    return answers


@cache
def _intake() -> Intake:
    """Made with the first payment, in the process that serves it."""
    intake = Intake()
    atexit.register(intake.close)
    return intake


_making = Lock()


def _forked() -> None:
    global _making
    _making = Lock()
    _intake.cache_clear()


os.register_at_fork(after_in_child=_forked)


def score(ask: Ask) -> Answer:
    """Decide on one payment, together with whatever else is waiting."""
    with _making:  # two first requests at once make one
        intake = _intake()
    answer = intake.score(ask)
    if answer.error is not None:
        raise answer.error
    return answer


def score_many(asks: Sequence[Ask]) -> list[Answer]:
    """A partner's own batch, of one tenant: it is together already. Runs in the caller's thread and connection."""
    return decide_together(asks, began_ns=perf_counter_ns())


__all__ = ["Answer", "Ask", "DatabaseAway", "score", "score_many"]
