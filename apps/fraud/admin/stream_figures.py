"""The stream's figures as the page shows them: in the reader's language, the worst first."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import EMPTY, Cell, Column, Fact, Section, badge, code, moment
from apps.fraud.selectors.stream_advice import Advice, Tone, advice, duration
from apps.fraud.selectors.stream_figures import GroupStatus, KafkaStatus, LaneStatus, StreamStatus

HEADLINES: Final[dict[Tone | None, tuple[Any, str]]] = {
    None: (gettext_lazy("All is well"), "success"),
    "info": (gettext_lazy("Running"), "info"),
    "warning": (gettext_lazy("Look into this"), "warning"),
    "danger": (gettext_lazy("Something is stopped"), "danger"),
}
# Kafka's words for what a group is at.
STATES: Final[dict[str, tuple[Any, str]]] = {
    "Stable": (gettext_lazy("Reading"), "success"),
    "PreparingRebalance": (gettext_lazy("Sharing out"), "info"),
    "CompletingRebalance": (gettext_lazy("Sharing out"), "info"),
    "Empty": (gettext_lazy("Nobody reads"), "danger"),
    "Dead": (gettext_lazy("Nobody reads"), "danger"),
}


@dataclass
class GroupFigures:
    title: str
    state: SafeString
    topics: Section
    partitions: Section


@dataclass
class Figures:
    at: datetime
    headline: SafeString
    notes: list[tuple[str, SafeString]]
    facts: list[Fact]
    groups: list[GroupFigures] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)


def figures(status: StreamStatus) -> Figures:
    said = advice(status)
    text, tone = HEADLINES[said[0].tone if said else None]
    shown = Figures(status.at, badge(text, tone), [(one.tone, sentence(one)) for one in said], _facts(status))
    if status.kafka is not None:
        shown.groups = [_group(one) for one in status.kafka.groups]
        shown.sections = [_outbox(status.outbox), _dead_letters(status.kafka)]
    else:
        shown.sections = [_outbox(status.outbox)]
    return shown


def sentence(one: Advice) -> SafeString:
    """Commands and names of log lines stand between backticks."""
    parts = one.translated.split("`")
    drawn = ((code(part) if number % 2 else part,) for number, part in enumerate(parts))
    return format_html_join("", "{}", drawn)


def _facts(status: StreamStatus) -> list[Fact]:
    kafka, outbox = status.kafka, status.outbox
    # Each worker is a member of every group.
    workers = max((len(one.members) for one in kafka.groups), default=0) if kafka else None
    return [
        Fact(_("Messages to read"), _number(kafka.lag if kafka else None)),
        Fact(_("Behind"), _time(kafka.behind_seconds if kafka else None)),
        Fact(_("Workers"), _number(workers)),
        Fact(_("Waiting in the outbox"), _number(None if outbox is None else sum(one.messages for one in outbox))),
        Fact(_("Dead letters"), _number(sum(kafka.dead_letters.values()) if kafka else None)),
    ]


def _group(group: GroupStatus) -> GroupFigures:
    text, tone = STATES.get(group.state, (group.state, "neutral"))
    topics = [
        [code(one.topic), _number(len(one.partitions)), _number(one.lag), _time(one.behind_seconds)]
        for one in group.topics
    ]
    heads = [_("Topic"), _("Partitions"), _("To read"), _("Behind")]
    partitions = [
        [
            code(f"{one.topic}[{part.partition}]"),
            _number(part.committed),
            _number(part.end),
            _number(part.lag),
            _time(part.behind_seconds),
            code(part.member) if part.member else badge(_("nobody"), "warning"),
        ]
        for one in group.topics
        for part in one.partitions
    ]
    part_heads = [_("Partition"), _("Read up to"), _("End"), _("To read"), _("Behind"), _("Read by")]
    return GroupFigures(
        group.group,
        badge(text, tone),
        _section(f"{group.group}-topics", group.group, heads, topics, end={1, 2, 3}),
        _section(f"{group.group}-partitions", _("Partitions"), part_heads, partitions, end={1, 2, 3, 4}),
    )


def _outbox(lanes: list[LaneStatus] | None) -> Section:
    title = _("Outbox")
    heads = [_("Destination"), _("Messages"), _("Oldest"), _("Refusals"), _("Next attempt"), _("Last error")]
    if lanes is None:
        return _section("outbox", title, heads, [], note=_("This cannot be read now."))
    rows = [
        [
            code(one.lane),
            _number(one.messages),
            _time(one.oldest_seconds),
            _number(one.attempts),
            moment(one.next_try_at),
            code(one.last_error),
        ]
        for one in lanes
    ]
    return _section("outbox", title, heads, rows, end={1, 2, 3}, empty=_("Everything is published."))


def _dead_letters(kafka: KafkaStatus) -> Section:
    rows = [[code(name), _number(count)] for name, count in kafka.dead_letters.items() if count]
    heads = [_("Topic"), _("Messages")]
    return _section("dead-letters", _("Dead letters"), heads, rows, end={1}, empty=_("None."))


def _section(
    key: str,
    title: str,
    heads: list[str],
    rows: Iterable[list[Any]],
    *,
    end: Collection[int] = (),
    empty: str = "",
    note: str = "",
) -> Section:
    columns = [Column(head, lambda _viewer, row: row, end=number in end) for number, head in enumerate(heads)]
    drawn = [[Cell(value, number in end) for number, value in enumerate(row)] for row in rows]
    return Section(key, title, columns, drawn, empty=empty, note=note)


def _number(value: int | None) -> str:
    return EMPTY if value is None else number_format(value, force_grouping=True)


def _time(seconds: float | None) -> SafeString | str:
    return EMPTY if seconds is None else format_html('<span class="kvt-amount">{}</span>', duration(seconds))
