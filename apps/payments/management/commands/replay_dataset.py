from __future__ import annotations

import json
import signal
import tempfile
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.payments.replay.pace import Pace
from apps.payments.replay.send import Replay, Totals
from apps.payments.replay.timeline import prepare_timeline
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError


class Command(BaseCommand):
    help = "Send an export to the Kafka topics, in order of time, as the shop's own systems would have."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="The folder that holds the files.")
        pace = parser.add_mutually_exclusive_group()
        pace.add_argument("--rate", type=float, help="Messages a second.")
        pace.add_argument("--speed", type=float, help="Times real time: 60 tells an hour a minute.")
        pace.add_argument("--flat-out", action="store_true", help="As fast as it goes (the default).")
        parser.add_argument("--loop", action="store_true", help="Start again at the end.")
        parser.add_argument("--live", action="store_true", help="As if it happened now, under new ids each pass.")
        parser.add_argument("--limit", type=int, help="Stop after so many messages.")
        parser.add_argument("--tenant", default=settings.DEMO_TENANT, help="Slug of the tenant, sent as a header.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("rate", "speed", "limit"):
            if options[name] is not None and options[name] <= 0:
                raise CommandError(f"--{name} takes a number above 0.")
        stop = threading.Event()
        former = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            totals = self._replay(options, stop)
        except KvtError as error:
            raise CommandError(error.message) from error
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
        self.stdout.write(json.dumps(totals.as_dict()) if options["json"] else _told(totals))
        if totals.failed:
            raise CommandError(f"{totals.failed:,} messages were not acknowledged by Kafka.")

    def _replay(self, options: dict[str, Any], stop: threading.Event) -> Totals:
        replay = Replay(
            tenant=options["tenant"],
            pace=Pace(rate=options["rate"], speed=options["speed"]),
            live=options["live"],
            limit=options["limit"],
            stop=stop,
            say=self._say if options["verbosity"] else lambda _line: None,
        )
        with tempfile.TemporaryDirectory(prefix="kvt-replay-") as work:
            timeline = prepare_timeline(options["folder"], Path(work), now(), replay.say)
            return replay.run(timeline, loop=options["loop"])

    def _say(self, line: str) -> None:
        self.stderr.write(line, self.style.NOTICE)
        self.stderr.flush()


def _told(totals: Totals) -> str:
    lines = [f"{count:>12,}  {topic}" for topic, count in sorted(totals.topics.items())]
    said = totals.as_dict()
    lines.append(f"{said['messages']:>12,}  messages in {said['seconds']} s ({said['per_second']:,}/s).")
    lines += [f"{count:>12,}  {what}" for what, count in totals.counted.items()]
    return "\n".join(lines)
