"""How dead letters are drawn: what may be chosen, the two tables of the list, the facts of one, its masked outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import EMPTY, MASK, Button, Column, Fact, Section, Viewer, badge, code, link, table
from apps.compliance.admin.present import moment as shown_moment
from apps.fraud.models import DeadLetter
from apps.fraud.services.dead_letters import WAITS, dead_letter_state
from apps.fraud.services.letter import CODES, Letter, dead_letter_refusal
from kivendtout.lib.clock import now

Known = tuple[Letter, DeadLetter | None]
# As many as a page of any other list.
SHOWN: Final = 50
# Fields named in an outline; a message of ours has thirty.
MOST_FIELDS: Final = 60
FAULTS: Final = {
    "malformed": gettext_lazy("Unreadable"),
    "oversized": gettext_lazy("Too large"),
    "unknown_version": gettext_lazy("Unknown version"),
    "unknown_schema": gettext_lazy("Unknown schema"),
    "invalid": gettext_lazy("Invalid"),
    "from_the_future": gettext_lazy("From the future"),
    "no_tenant": gettext_lazy("No tenant"),
    "impossible": gettext_lazy("Contradictory"),
    "not_stored": gettext_lazy("Not stored"),
}
STATES: Final = {
    "open": (gettext_lazy("Waiting"), "warning"),
    "interrupted": (gettext_lazy("Interrupted"), "danger"),
    "retrying": (gettext_lazy("Being sent again"), "info"),
    "retried": (gettext_lazy("Sent again"), "success"),
    "discarded": (gettext_lazy("Discarded"), "neutral"),
}
SHOWS: Final = {
    "": gettext_lazy("Waiting"),
    "handled": gettext_lazy("Handled"),
    "all": gettext_lazy("All"),
}


def state_of(row: DeadLetter | None) -> str:
    return dead_letter_state(row, now=now())


def waits(row: DeadLetter | None) -> bool:
    return state_of(row) in WAITS


class Choice(NamedTuple):
    label: Any
    link: str
    chosen: bool


@dataclass(frozen=True)
class Choices:
    """What the address chooses; anything it says that is no choice counts as none."""

    topic: str
    code: str
    state: str

    @staticmethod
    def of(request: HttpRequest) -> Choices:
        def one(name: str, known: Any) -> str:
            value = request.GET.get(name, "")
            return value if value in known else ""

        return Choices(one("topic", settings.TOPICS), one("code", CODES), one("state", SHOWS))

    def topics(self) -> list[str]:
        return [self.topic] if self.topic else list(settings.TOPICS)

    def levels(self) -> list[tuple[Any, list[Choice]]]:
        return [
            (_("State"), [self._to("state", value, label) for value, label in SHOWS.items()]),
            (_("Topic"), [self._to("topic", value, value or _("All topics")) for value in ("", *settings.TOPICS)]),
            (_("Fault"), [self._to("code", value, FAULTS.get(value, _("All faults"))) for value in ("", *CODES)]),
        ]

    def _to(self, name: str, value: str, label: Any) -> Choice:
        told = {"topic": self.topic, "code": self.code, "state": self.state} | {name: value}
        return Choice(
            label, "?" + urlencode({key: one for key, one in told.items() if one}), getattr(self, name) == value
        )

    def shows(self, letter: Letter, row: DeadLetter | None) -> bool:
        if self.code and letter.code != self.code:
            return False
        return self.state == "all" or (self.state == "handled") is not waits(row)


def list_sections(viewer: Viewer, choices: Choices, known: Sequence[Known]) -> list[Section]:
    found = sorted((one for one in known if choices.shows(*one)), key=newest, reverse=True)
    title = _("Messages put aside")
    if len(found) > SHOWN:
        title += " · " + _("the latest %(shown)s of %(all)s") % {"shown": SHOWN, "all": len(found)}
    empty = _("No message waits: all that came in could be used, or somebody has handled it.")
    letters = table(viewer, "letters", title, found[:SHOWN], letter_columns(), empty=empty)
    if not known:
        return [letters]
    return [table(viewer, "summary", _("By topic and fault"), counts(known), count_columns()), letters]


def newest(one: Known) -> tuple[datetime, int]:
    return one[0].stamped_at, one[0].place.offset


class Count(NamedTuple):
    topic: str
    code: str
    open: int
    handled: int
    oldest: datetime | None


def counts(known: Sequence[Known]) -> list[Count]:
    found: dict[tuple[str, str], Count] = {}
    for letter, row in known:
        mark = letter.topic, letter.code
        one, open_ = found.get(mark, Count(*mark, 0, 0, None)), waits(row)
        oldest = min(filter(None, (one.oldest, letter.stamped_at if open_ else None)), default=None)
        found[mark] = Count(*mark, one.open + open_, one.handled + (not open_), oldest)
    return sorted(found.values(), key=lambda one: (-one.open, one.topic, one.code))


def count_columns() -> list[Column]:
    return [
        Column(gettext_lazy("topic"), lambda _viewer, one: code(one.topic)),
        Column(gettext_lazy("fault"), lambda _viewer, one: FAULTS.get(one.code, EMPTY)),
        Column(gettext_lazy("waiting"), lambda _viewer, one: one.open, end=True),
        Column(gettext_lazy("handled"), lambda _viewer, one: one.handled, end=True),
        Column(gettext_lazy("oldest waiting"), lambda _viewer, one: shown_moment(one.oldest)),
    ]


def letter_columns() -> list[Column]:
    return [
        Column(gettext_lazy("place"), lambda _viewer, one: link(letter_url(one[0], "letter"), one[0].place)),
        Column(gettext_lazy("state"), lambda _viewer, one: state_badge(one[1])),
        Column(gettext_lazy("fault"), lambda _viewer, one: FAULTS.get(one[0].code, EMPTY)),
        Column(gettext_lazy("since"), lambda _viewer, one: shown_moment(one[0].stamped_at)),
        Column(gettext_lazy("reason"), lambda _viewer, one: one[0].reason or EMPTY),
    ]


def state_badge(row: DeadLetter | None) -> Any:
    return badge(*STATES[state_of(row)])


def letter_url(letter: Letter, act: str) -> str:
    return reverse(f"admin:fraud_deadletter_{act}", args=[str(letter.place)])


def letter_facts(viewer: Viewer, letter: Letter, row: DeadLetter | None) -> list[Fact]:
    told = [
        Fact(_("State"), state_badge(row)),
        Fact(_("Fault"), FAULTS.get(letter.code, EMPTY)),
        Fact(_("Reason"), letter.reason or EMPTY),
        Fact(_("Since"), shown_moment(letter.stamped_at)),
        Fact(_("Was at"), code(letter.source)),
        Fact(_("Trace"), code(letter.trace_id)),
        Fact(_("Sent again before"), letter.retries),
    ]
    if row is not None:
        told.append(Fact(_("Handled"), link(viewer.url(row), shown_moment(row.done_at or row.claimed_at))))
    if refusal := dead_letter_refusal(letter):
        told.append(Fact(_("Cannot be sent again"), refusal.translated))
    return told


def buttons(viewer: Viewer, letter: Letter, row: DeadLetter | None, *, acts: bool) -> list[Button]:
    found = []
    if acts and waits(row):
        if dead_letter_refusal(letter) is None:
            found.append(Button(_("Send again"), letter_url(letter, "retry"), "replay", primary=True))
        found.append(Button(_("Discard"), letter_url(letter, "discard"), "delete"))
    if viewer.reveals:
        found.append(Button(_("Reveal, with a reason"), letter_url(letter, "reveal"), "visibility"))
    return found


def outline(letter: Letter) -> list[Fact]:
    """Which fields the message has: enough to see what is missing, and nobody's data."""
    size = Fact(_("Bytes"), letter.size)
    try:
        fields = msgspec.json.decode(letter.value)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return [size, Fact(_("Fields"), _("It is not JSON."))]
    if not isinstance(fields, dict):
        return [size, Fact(_("Fields"), _("It is JSON, and no object."))]
    masked = format_html('<span class="kvt-mask">{}</span>', MASK)
    return [size, *(Fact(name[:64], EMPTY if value is None else masked) for name, value in _first(fields))]


def _first(fields: dict[str, Any]) -> list[tuple[str, Any]]:
    return list(fields.items())[:MOST_FIELDS]


def payload_text(letter: Letter) -> Any:
    """As text where it is text, else as hexadecimal digits."""
    try:
        text = letter.value.decode()
    except UnicodeDecodeError:
        text = letter.value.hex()
    return format_html('<span class="kvt-code">{}</span>', text)
