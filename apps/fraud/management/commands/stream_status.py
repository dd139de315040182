from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any, Final

import msgspec
from django.core.management.base import BaseCommand

from apps.fraud.management.tables import table
from apps.fraud.selectors.stream_advice import advice, duration
from apps.fraud.selectors.stream_figures import GroupStatus, KafkaStatus, LaneStatus, StreamStatus
from apps.fraud.selectors.stream_status import stream_status
from kivendtout.lib.clock import now

# Often enough to see a lag shrink; asking costs the cluster a few small requests.
WATCH_SECONDS: Final = 2.0
CLEAR: Final = "\033[H\033[J"


class Command(BaseCommand):
    help = (
        "How the stream does: lag of each partition, members, outbox, dead letters. "
        "Exit status 1 when something could not be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--watch", action="store_true", help=f"again every {WATCH_SECONDS:.0f} s, until Ctrl-C")

    def handle(self, *args: Any, **options: Any) -> None:
        status = self._show(options)
        while options["watch"]:
            try:
                time.sleep(WATCH_SECONDS)
                status = self._show(options)
            except KeyboardInterrupt:
                break
        if not status.known:
            raise SystemExit(1)

    def _show(self, options: dict[str, Any]) -> StreamStatus:
        status = stream_status(now=now())
        if options["json"]:
            self.stdout.write(json.dumps(as_json(status)))
        else:
            # A terminal is redrawn; a file gets one report after the other.
            self.stdout.write((CLEAR if options["watch"] and self.stdout.isatty() else "") + told(status))
        self.stdout.flush()
        return status


def as_json(status: StreamStatus) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(status)
    return found | {"known": status.known, "advice": [{"code": one.code, "text": one.text} for one in advice(status)]}


def told(status: StreamStatus) -> str:
    kafka = status.kafka
    parts = [*_kafka(kafka)] if kafka else []
    if status.outbox is not None:
        parts.append(_outbox(status.outbox))
    said = advice(status)
    parts.append("\n".join(f"! {one.text}" for one in said) if said else "All is well.")
    return "\n\n".join(parts) + "\n"


def _kafka(kafka: KafkaStatus) -> list[str]:
    letters = [["dead letters", "messages"], *([name, f"{count:,}"] for name, count in kafka.dead_letters.items())]
    return [*(_group(one) for one in kafka.groups), table(letters)]


def _group(group: GroupStatus) -> str:
    rows = [[group.group, "end", "read up to", "lag", "behind", "read by"]]
    for topic in group.topics:
        for part in topic.partitions:
            read = "–" if part.committed is None else f"{part.committed:,}"
            behind, name = duration(part.behind_seconds), f"{topic.topic}[{part.partition}]"
            rows.append([name, f"{part.end:,}", read, f"{part.lag:,}", behind, part.member or "nobody"])
    rows.append(["all", "", "", f"{group.lag:,}", duration(group.behind_seconds), ""])
    members = [["member", "host", "partitions"]]
    members += [[one.client_id, one.host, str(len(one.partitions))] for one in group.members]
    said = table(members, left=(0, 1)) if group.members else "No member reads for it."
    return f"{table(rows, left=(0, 5))}\nGroup: {group.state}\n{said}"


def _outbox(lanes: list[LaneStatus]) -> str:
    if not lanes:
        return "The outbox is empty."
    rows = [["outbox", "rows", "messages", "oldest", "attempts", "next try", "last error"]]
    for one in lanes:
        next_try = f"{one.next_try_at:%H:%M:%S}" if one.next_try_at else "–"
        figures = [f"{one.rows:,}", f"{one.messages:,}", duration(one.oldest_seconds), str(one.attempts)]
        rows.append([one.lane, *figures, next_try, one.last_error or "–"])
    return table(rows, left=(0, 6))
