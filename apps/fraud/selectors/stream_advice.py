"""What a person should know about the stream, and do: sentences for the command in English, for the page in theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

from django.utils.formats import number_format
from django.utils.translation import gettext, gettext_noop

from apps.fraud.selectors.stream_figures import GroupStatus, KafkaStatus, LaneStatus, StreamStatus

Tone = Literal["danger", "warning", "info"]
# A worker in order is a second behind, and a relay a tenth of one; a minute is no hiccup any more.
LATE_SECONDS: Final = 60.0
NAMED: Final = 3


class Advice(NamedTuple):
    code: str
    tone: Tone
    sentence: str
    details: dict[str, object]

    @property
    def text(self) -> str:
        """In English, for terminals and programs."""
        return self.sentence % self._written(lambda number: f"{number:,}")

    @property
    def translated(self) -> str:
        return gettext(self.sentence) % self._written(lambda number: number_format(number, force_grouping=True))

    def _written(self, figure: Callable[[int], str]) -> dict[str, object]:
        return {name: figure(one) if isinstance(one, int) else one for name, one in self.details.items()}


def advice(status: StreamStatus) -> list[Advice]:
    """The worst first; nothing when all is well."""
    found = [*_of_kafka(status.kafka), *_of_outbox(status.outbox)]
    order = {"danger": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda one: order[one.tone])


def _of_kafka(kafka: KafkaStatus | None) -> Iterator[Advice]:
    if kafka is None:
        sentence = gettext_noop(
            "Kafka does not answer. Nothing is lost: payments sent to the API are decided, and what is to be published "
            "waits in the outbox. Start the brokers again, or correct KAFKA_BOOTSTRAP_SERVERS; workers reconnect by "
            "themselves."
        )
        yield Advice("kafka_away", "danger", sentence, {})
        return
    if kafka.missing:
        sentence = gettext_noop("Topics are missing: %(names)s. Make them with `manage.py create_topics`.")
        yield Advice("topics_missing", "danger", sentence, {"names": _some(kafka.missing)})
    if not any(one.members for one in kafka.groups):
        sentence = gettext_noop(
            "No stream worker is there: messages wait in Kafka, and decisions wait in the outbox. Start one: "
            "`celery -A celery_worker worker -Q stream -P threads`."
        )
        yield Advice("no_worker", "danger", sentence, {})
    else:
        for group in kafka.groups:
            yield from _of_group(group)
    if letters := sum(kafka.dead_letters.values()):
        sentence = gettext_noop(
            "Messages in the dead-letter topics: %(count)s. `manage.py dlq list` tells why, and whether they were "
            "dealt with."
        )
        yield Advice("dead_letters", "info", sentence, {"count": letters})


def _of_group(group: GroupStatus) -> Iterator[Advice]:
    if not group.members:
        sentence = gettext_noop(
            "Nobody reads for “%(group)s”, though workers are there: a loop of theirs has ended. Restart them, and "
            "look in their log for `stream_failed`."
        )
        yield Advice("loop_missing", "danger", sentence, {"group": group.group})
    elif group.state not in {"Stable", "Empty"}:
        sentence = gettext_noop(
            "A worker came or went, and the partitions of “%(group)s” are being shared out. This takes seconds."
        )
        yield Advice("rebalancing", "info", sentence, {"group": group.group})
    elif unread := group.unread:
        sentence = gettext_noop(
            "Partitions that no worker reads: %(names)s. Their messages wait. Restart the workers; if it stays so, "
            "look in their log for `stream_failed`."
        )
        yield Advice("unread_partitions", "warning", sentence, {"names": _some(unread)})
    if group.members and group.behind_seconds is not None and group.behind_seconds >= LATE_SECONDS:
        sentence = gettext_noop(
            "“%(group)s” is %(behind)s behind, with %(lag)s messages to read. If this grows, start another worker; "
            "each partition can keep one busy."
        )
        details: dict[str, object] = {
            "group": group.group,
            "behind": duration(group.behind_seconds),
            "lag": group.lag,
        }
        yield Advice("behind", "warning", sentence, details)


def _of_outbox(lanes: list[LaneStatus] | None) -> Iterator[Advice]:
    if lanes is None:
        sentence = gettext_noop("The outbox cannot be read. Check PostgreSQL, and that its schema is up to date.")
        yield Advice("outbox_unknown", "danger", sentence, {})
        return
    for lane in lanes:
        if lane.failed_since is not None:
            sentence = gettext_noop(
                "“%(lane)s” has refused what was sent since %(since)s UTC (%(error)s). %(count)s messages wait in "
                "order; the next try is at %(next)s UTC. Mend the destination; nothing needs to be sent again by hand."
            )
            yield Advice("lane_refused", "danger", sentence, _refusal(lane))
        elif lane.oldest_seconds >= LATE_SECONDS:
            sentence = gettext_noop(
                "Messages for “%(lane)s” have waited in the outbox for %(age)s (%(count)s of them), and nobody tried "
                "to send them. Stream workers publish the outbox: check that one runs, and its log."
            )
            details: dict[str, object] = {
                "lane": lane.lane,
                "age": duration(lane.oldest_seconds),
                "count": lane.messages,
            }
            yield Advice("outbox_waits", "warning", sentence, details)


def _refusal(lane: LaneStatus) -> dict[str, object]:
    return {
        "lane": lane.lane,
        "since": f"{lane.failed_since:%Y-%m-%d %H:%M:%S}",
        "error": lane.last_error or "–",
        "count": lane.messages,
        "next": f"{lane.next_try_at:%H:%M:%S}" if lane.next_try_at else "–",
    }


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" (+{len(names) - NAMED})" if len(names) > NAMED else "")


def duration(seconds: float | None) -> str:
    """`0 s`, `4 min`, `3 h`: the same in every language."""
    if seconds is None:
        return "?"
    if seconds < 120:  # two minutes: below them, seconds say more
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.0f} h"
