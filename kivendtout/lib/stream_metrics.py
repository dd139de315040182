"""What a stream worker counts, and the few words to count it with; `docs/stream-operations.md` explains each to people.

No label names a tenant, a customer or a message: every set of values here is small and known beforehand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import cache
from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram

Step = Literal["record", "state", "features", "rules", "scorer", "store", "behaviour", "publish", "push", "commit"]
Result = Literal["recorded", "repeated", "dead", "waiting"]
Dependency = Literal["kafka", "postgresql", "redis", "documents", "registry"]

PREFIX: Final = "kivendtout_stream_"
# A step of a full batch takes milliseconds when all is well, and seconds when partitions or keys must be made first.
STEP_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# From "at once" to the hour that an order may wait for its payment.
AGE_BUCKETS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 15, 60, 300, 900, 3_600)
SIZE_BUCKETS: Final = (1, 10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)

_steps = Histogram(
    f"{PREFIX}step_seconds", "Time that one step of a batch took.", ["loop", "step"], buckets=STEP_BUCKETS
)
_batches = Histogram(f"{PREFIX}batch_messages", "Messages in a batch.", ["loop"], buckets=SIZE_BUCKETS)
_ages = Histogram(
    f"{PREFIX}message_age_seconds",
    "From the time that Kafka has of a batch's oldest message to the commit of its offset.",
    ["loop", "topic"],
    buckets=AGE_BUCKETS,
)
_messages = Counter(f"{PREFIX}messages", "Messages answered for, by what became of them.", ["loop", "topic", "result"])
_dead = Counter(f"{PREFIX}dead_letters", "Messages sent to a dead-letter topic, by reason code.", ["topic", "code"])
_retries = Counter(f"{PREFIX}retries", "Times that something was tried again.", ["loop", "dependency"])
_paused = Gauge(f"{PREFIX}paused", "1 while the loop waits for this dependency.", ["loop", "dependency"])
_lag = Gauge(f"{PREFIX}lag_messages", "Messages behind the end of a partition of ours.", ["loop", "topic", "partition"])
_assigned = Gauge(f"{PREFIX}assigned_partitions", "Partitions that this loop reads.", ["loop"])
_rebalances = Counter(f"{PREFIX}rebalances", "Times that this loop's partitions changed.", ["loop"])
_published = Counter(f"{PREFIX}relay_published", "Outbox messages that a destination acknowledged.", ["lane"])
_refused = Counter(f"{PREFIX}relay_refused", "Times that a destination did not take what it was given.", ["lane"])
_waiting = Gauge(f"{PREFIX}outbox_waiting", "Outbox rows that are not published yet.", ["lane"])
_oldest = Gauge(f"{PREFIX}outbox_oldest_seconds", "Age of a lane's oldest row; 0 when it is empty.", ["lane"])
_turned = Gauge(f"{PREFIX}last_turn_seconds", "Since the loop last turned; it turns while it waits too.", ["loop"])

# Looking a label up costs a lock and a tuple each time; the values are few, so each is looked up once.
_step = cache(_steps.labels)
_message = cache(_messages.labels)
_age = cache(_ages.labels)
_batch = cache(_batches.labels)
_lags: dict[tuple[str, str, int], Gauge] = {}
_lanes: set[str] = set()


class _Thread(threading.local):
    loop = "stream"


# A worker runs several loops, a thread each. What they count apart, their own thread says once.
_thread = _Thread()


def in_loop(name: str) -> None:
    """First thing in a loop's thread: what this thread counts is the loop's."""
    _thread.loop = name


def batch_seconds(step: Step) -> AbstractContextManager[object]:
    """`with batch_seconds("store"): …`; a step that fails is counted too, with the time until then."""
    return _step(_thread.loop, step).time()


def steps_took(microseconds: Mapping[str, int]) -> None:
    """Steps that were timed where they were made, as decisions keep them."""
    for step, spent in microseconds.items():
        _step(_thread.loop, step).observe(spent / 1e6)


def batch_size(messages: int) -> None:
    _batch(_thread.loop).observe(messages)


def message_age(topic: str, seconds: float) -> None:
    _age(_thread.loop, topic).observe(max(seconds, 0.0))  # a sender's clock may be ahead of ours


def messages(topic: str, result: Result, count: int = 1) -> None:
    if count:
        _message(_thread.loop, topic, result).inc(count)


def dead_letter(topic: str, code: str, count: int = 1) -> None:
    _dead.labels(topic, code).inc(count)


def retries(dependency: Dependency) -> None:
    _retries.labels(_thread.loop, dependency).inc()


def paused(dependency: Dependency, is_paused: bool) -> None:
    _paused.labels(_thread.loop, dependency).set(is_paused)


def lag(topic: str, partition: int, behind: int) -> None:
    place = (_thread.loop, topic, partition)
    if place not in _lags:
        _lags[place] = _lag.labels(*place)
    _lags[place].set(max(behind, 0))


def assigned(partitions: Iterable[tuple[str, int]]) -> None:
    """After every change of the assignment. What another worker reads now must not keep our last figure for ever."""
    loop = _thread.loop
    ours = {(loop, topic, partition) for topic, partition in partitions}
    _assigned.labels(loop).set(len(ours))
    for place in [*_lags]:
        if place[0] == loop and place not in ours:
            del _lags[place]
            _lag.remove(*place)


def rebalanced() -> None:
    _rebalances.labels(_thread.loop).inc()


def relay_published(lane: str, count: int) -> None:
    _published.labels(lane_label(lane)).inc(count)


def relay_refused(lane: str) -> None:
    _refused.labels(lane_label(lane)).inc()


def outbox_waiting(lanes: Mapping[str, tuple[int, float]]) -> None:
    """Lane: (rows, seconds since the oldest was written), whole; a lane that is not named is empty."""
    found: dict[str, tuple[int, float]] = {}
    for lane, (rows, oldest) in lanes.items():
        label = lane_label(lane)
        other_rows, other_oldest = found.get(label, (0, 0.0))
        found[label] = (rows + other_rows, max(oldest, other_oldest))
    _lanes.update(found)
    for label in _lanes:
        rows, oldest = found.get(label, (0, 0.0))
        _waiting.labels(label).set(rows)
        _oldest.labels(label).set(max(oldest, 0.0))


def lane_label(lane: str) -> str:
    """A topic is its own lane. Of `webhook:17` only the kind is told: there may be a thousand of them."""
    return lane.partition(":")[0]


def watch_turns(loop: str, seconds_since_turn: Callable[[], float]) -> None:
    """Asked at each scrape, so that a loop that hangs is seen to hang."""
    _turned.labels(loop).set_function(seconds_since_turn)
