"""One run: open the shop, send, kill, let everything come back, and look at what is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.chaos import damage, report
from tests.chaos.evidence import collect, drain, unfinished
from tests.chaos.found import Evidence
from tests.chaos.kills import Kills
from tests.chaos.sender import Sender
from tests.chaos.shop import plan
from tests.chaos.verdict import verdict
from tests.chaos.world import World

# After feature state was made whole, a process still leaves Redis alone for a second, and a batch takes its time.
SETTLE_SECONDS = 3.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    kills: int
    seed: int
    seconds: float
    """For the kills; opening, catching up and looking take their own."""
    rate: float
    calm: float
    patience: float
    customers: int
    control: bool
    kinds: Sequence[str]


def run(world: World, options: Options, say: Say) -> tuple[bool, dict[str, Any]]:
    kills, of = _storm(world, options, say)
    findings = verdict(of)
    told = report.as_json(kills.done, of, findings) | {"seed": options.seed, "kafka": world.kafka.name}
    told["log"] = kills.as_json()
    say(f"\n{report.table(findings)}\n\n{report.summary(kills.done, of)}")
    holds = all(one.holds for one in findings)
    if options.control and holds:
        told["control"] = _control(world, of, say)
        holds = not told["control"]
    say(f"\n{'Everything holds' if holds else 'SOMETHING DOES NOT HOLD'} after {len(kills.done)} kills.")
    return holds, told


def _storm(world: World, options: Options, say: Say) -> tuple[Kills, Evidence]:
    kills = Kills(world, seed=options.seed, say=say, kinds=options.kinds)
    opened, sending = time.time(), True
    messages = plan(
        seed=options.seed, rate=options.rate, customers=options.customers, begin=datetime.now(UTC),
        more=lambda: sending,
    )  # fmt: skip
    sender = Sender(world.kafka.bootstrap, messages)
    sender.start()
    time.sleep(options.calm)
    calm = [(opened, time.time() - 1.0)]
    kills.run(count=options.kills, seconds=options.seconds)
    kills.settle()
    say("Everything was started again; waiting until feature state is whole.")
    _wait_until_whole(world, options.patience)
    recovered = time.time() + SETTLE_SECONDS
    time.sleep(SETTLE_SECONDS + options.calm)
    sending = False
    ledger = sender.finish()
    say(f"{ledger.acknowledged.total():,} messages sent, at most {sender.behind:.1f} s late; waiting for the last.")
    left = drain(world, options.patience, say)
    calm.append((recovered, time.time()))
    kills.stop.set()
    kills.watch.join(10)
    of = collect(world, ledger, left)
    of.calm = calm
    of.processes = [f"{name}: {count} times" for name, count in kills.ended.items()] + kills.faults
    return kills, of


def _wait_until_whole(world: World, seconds: float) -> None:
    """Debts paid and the past learnt, while payments come. If it takes too long, the verdict will say so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        left = unfinished(world)
        if not left["debts to Redis"] and not left["tenants to rebuild"]:
            return
        time.sleep(0.5)


def _control(world: World, of: Evidence, say: Say) -> list[str]:
    """Faults on purpose: what the verdict does not find, or finds where there is none."""
    damage.plant(world, of)
    again = collect(world, of.ledger, unfinished(world))
    again.calm, again.processes = of.calm, of.processes
    found = {one.name for one in verdict(again) if not one.holds}
    say(f"\nThen faults were planted, and {len(found & damage.EXPECTED)} of {len(damage.EXPECTED)} kinds were found.")
    faults = [f"not found: {name}" for name in sorted(damage.EXPECTED - found)]
    faults += [f"found without cause: {name}" for name in sorted(found - damage.EXPECTED)]
    for fault in faults:
        say(f"  {fault}")
    return faults
