from __future__ import annotations

import getpass
import json
import logging
from argparse import ArgumentParser
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.compliance.models import Tenant, User
from apps.fraud.management.dead_letters import (
    Listed,
    as_json,
    payload_json,
    row_json,
    sentences,
    shown,
    state_of,
    summary_of,
)
from apps.fraud.models import DeadLetter
from apps.fraud.selectors.dead_letters import dead_letters_handled
from apps.fraud.services.dead_letters import (
    WAITS,
    Acted,
    Actor,
    dead_letter_seen,
    dead_letters_discard,
    dead_letters_retry,
)
from apps.fraud.services.letter import CODES, Letter, dead_letter_refusal, place_of
from apps.fraud.services.letters import LettersReader, letters_reader, letters_sender, topic_named
from kivendtout.lib.clock import now
from kivendtout.lib.errors import InvalidInput, KvtError

# As many as a screen or two; `--limit` or `--all` shows more.
SHOWN = 50
# A slip of the hand sends this many again, not a million; `--all` lifts it.
RETRIED = 1_000
# Letters whose rows are asked for together, and which are acted on together.
CHUNK = 500
Known = tuple[Letter, DeadLetter | None]


class Command(BaseCommand):
    help = "Dead letters, messages that could not be used: lists, shows, sends again or discards them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True)
        listed = commands.add_parser("list", help="Count them by topic and fault, and show the newest.")
        listed.add_argument("--all", action="store_true", help="Those that were handled, too.")
        listed.add_argument("--limit", type=int, default=SHOWN, help=f"Show so many at most ({SHOWN}).")
        one = commands.add_parser("show", help="Show one whole. That you looked is written into the audit trail.")
        one.add_argument("places", nargs=1, metavar="PLACE", help="topic.dlq[0]@17, or where the message was.")
        retry = commands.add_parser("retry", help="Send them to where they were to be read, once more.")
        retry.add_argument("--all", action="store_true", help=f"However many; without it, {RETRIED:,} at most.")
        retry.add_argument("--tenant", default="", help="Slug of the tenant that messages without one belong to.")
        discard = commands.add_parser("discard", help="Say that nothing is to be done about them.")
        for sub in (retry, discard):
            sub.add_argument("places", nargs="*", metavar="PLACE", help="topic.dlq[0]@17, or where the message was.")
            sub.add_argument("--reason", default="", required=sub is discard, help="Why; it is kept.")
        for sub in (listed, retry, discard):
            sub.add_argument("--topic", help="Of this topic only.")
            sub.add_argument("--code", choices=sorted(CODES), help="With this kind of fault only.")
        for sub in (listed, one, retry, discard):
            sub.add_argument("--json", action="store_true", help="Print one JSON object.")
            sub.add_argument("--by", default="", help="E-mail address of the colleague who acts; else your account.")

    def handle(self, *args: Any, **options: Any) -> None:
        acts: dict[str, Callable[..., Any]] = {"list": self._list, "show": self._show}
        try:
            with _quiet(), letters_reader() as reader:
                acts.get(options["action"], self._act)(reader, options)
        except KvtError as error:
            raise CommandError(error.message) from error

    def _say(self, options: dict[str, Any], told: dict[str, Any], text: Callable[[], str]) -> None:
        self.stdout.write(json.dumps(told, ensure_ascii=False) if options["json"] else text())

    def _list(self, reader: LettersReader, options: dict[str, Any]) -> None:
        known, counted = deque[Known](maxlen=max(options["limit"], 0)), list[Known]()
        for letter, row in _known(reader.read(_topics(options)), options["code"]):
            counted.append((letter, row))
            if options["all"] or state_of(row) in WAITS:
                known.append((letter, row))
        listed = Listed(list(known)[::-1], summary_of(counted), len(counted), reader.skipped)
        told = {
            "open": listed.open,
            "handled": listed.read - listed.open,
            "read": listed.read,
            "not_read": listed.skipped,
            "summary": listed.summary,
            "letters": [as_json(letter, row) for letter, row in listed.letters],
        }
        self._say(options, told, lambda: sentences(listed))

    def _show(self, reader: LettersReader, options: dict[str, Any]) -> None:
        letter = reader.find(place_of(options["places"][0]))[0]
        row = dead_letters_handled([letter.mark]).get(letter.mark)
        dead_letter_seen(letter=letter, actor=_actor(options))
        refusal = dead_letter_refusal(letter)
        told = as_json(letter, row) | {"why_not_retried": refusal.message if refusal else None} | payload_json(letter)
        self._say(options, told, lambda: shown(dict(told)))

    def _act(self, reader: LettersReader, options: dict[str, Any]) -> None:
        retries = options["action"] == "retry"
        most = None if options.get("all") or not retries else RETRIED
        found = islice(_meant(reader, options), most)
        acted = _retry(found, options) if retries else _discard(found, options)
        told = {
            "done": [{"place": row.place, "state": row.state, **row_json(row)} for row in acted.done],
            "refused": [{"place": str(letter.place), "why": error.message} for letter, error in acted.refused],
            "not_taken": [str(letter.place) for letter in acted.left],
        }
        self._say(options, told, lambda: _outcome(acted))
        if acted.left:
            raise CommandError(
                f"Kafka did not take {len(acted.left)} of them. Nothing is lost: run the same command once it is back."
            )
        if acted.refused:
            raise CommandError(f"{len(acted.refused)} of them stay as they are, for the reasons given.")


@contextmanager
def _quiet() -> Iterator[None]:
    """The client logs each try to reach a broker; whoever types a command wants the one sentence."""
    kafka = logging.getLogger("kafka")
    level = kafka.level
    kafka.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        kafka.setLevel(level)


def _meant(reader: LettersReader, options: dict[str, Any]) -> Iterator[Letter]:
    """Named by place, whatever was done about them; chosen by topic and fault, those that still wait."""
    if options["places"]:
        if options["topic"] or options["code"]:
            raise InvalidInput("Name letters by their places, or choose them with --topic and --code, not both.")
        yield from {one.mark: one for text in options["places"] for one in _named(reader, text, options)}.values()
        return
    if not (options["topic"] or options["code"] or options.get("all")):
        raise InvalidInput("Name letters by their places, or choose them with --topic and --code.")
    found = _known(reader.read(_topics(options), values=True), options["code"])
    yield from (letter for letter, row in found if state_of(row) in WAITS)


def _named(reader: LettersReader, text: str, options: dict[str, Any]) -> list[Letter]:
    """A worker that died after it put a message aside puts it aside again: one of the two is sent, both are put off."""
    found = reader.find(place_of(text))
    if options["action"] == "discard" or len(found) == 1:
        return found
    rows = dead_letters_handled([one.mark for one in found])
    return ([one for one in found if state_of(rows.get(one.mark)) in WAITS] or found)[:1]


def _known(letters: Iterator[Letter], code: str | None) -> Iterator[Known]:
    chosen = (one for one in letters if code is None or one.code == code)
    while some := list(islice(chosen, CHUNK)):
        rows = dead_letters_handled([one.mark for one in some])
        yield from ((one, rows.get(one.mark)) for one in some)


def _topics(options: dict[str, Any]) -> list[str]:
    return [topic_named(options["topic"])] if options["topic"] else list(settings.TOPICS)


def _retry(found: Iterator[Letter], options: dict[str, Any]) -> Acted:
    if options["tenant"] and not Tenant.objects.filter(slug=options["tenant"]).exists():
        raise InvalidInput(f"There is no tenant {options['tenant']!r}. Give the slug of one that exists.")
    actor, acted = _actor(options), Acted()
    with letters_sender(tenant=options["tenant"]) as send:
        while some := list(islice(found, CHUNK)):
            done = dead_letters_retry(letters=some, actor=actor, now=now, send=send, reason=options["reason"])
            _add(acted, done)
            if done.left:  # Kafka is away: what follows stays untouched
                break
    return acted


def _discard(found: Iterator[Letter], options: dict[str, Any]) -> Acted:
    actor, acted = _actor(options), Acted()
    while some := list(islice(found, CHUNK)):
        _add(acted, dead_letters_discard(letters=some, actor=actor, now=now, reason=options["reason"]))
    return acted


def _add(acted: Acted, more: Acted) -> None:
    acted.done += more.done
    acted.refused += more.refused
    acted.left += more.left


def _actor(options: dict[str, Any]) -> Actor:
    if not options["by"]:
        return Actor(getpass.getuser())
    user = User.objects.filter(email__iexact=options["by"]).first()
    if user is None:
        raise InvalidInput("Nobody has the e-mail address given with --by. Name a colleague, or leave it out.")
    return Actor(user.email, user)


def _outcome(acted: Acted) -> str:
    lines: Sequence[str] = [
        f"{row.place}: {row.state}{f', to {row.retried_to}' if row.retried_to else ''}" for row in acted.done
    ]
    return "\n".join([*lines, *(error.message for _letter, error in acted.refused)]) or "No letter was meant."
