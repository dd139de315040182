"""python -m tests.chaos [--kills 100] [--seed 7] [--minutes 20] [--json]: kill -9 of everything, at random, under load.

Starts servers of its own and ends them. Exit status 0 if everything holds afterwards, 1 if anything does not.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys

from tests.chaos.kills import KINDS
from tests.chaos.run import Options, run
from tests.chaos.world import World

# Room for the payments of a run: a log that is folded keeps less than it was told, on both sides of the comparison.
PAYMENTS_A_CUSTOMER = 80
PAYMENTS_A_MESSAGE = 0.2


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=20.0, help="over which the kills are spread")
    parser.add_argument("--rate", type=float, default=300.0, help="messages a second")
    parser.add_argument("--workers", type=int, default=2, help="of the stream")
    parser.add_argument("--only", choices=KINDS, action="append", help="kill nothing else; may be given again")
    parser.add_argument("--kafka", choices=("best", "apache", "embedded"), default="best")
    parser.add_argument("--calm", type=float, default=5.0, help="seconds without kills, before and after")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds for the rest, once all is back")
    parser.add_argument("--no-control", action="store_true", help="do not plant faults afterwards")
    parser.add_argument("--keep", action="store_true", help="keep the servers' logs")
    parser.add_argument("--json", action="store_true", help="print one JSON object; the words go to standard error")
    return parser.parse_args()


def main() -> int:
    given = arguments()

    def say(words: str) -> None:
        print(words, file=sys.stderr if given.json else sys.stdout, flush=True)

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as a Ctrl-C does: nothing is left running
    customers = max(200, int(given.minutes * 60 * given.rate * PAYMENTS_A_MESSAGE / PAYMENTS_A_CUSTOMER))
    options = Options(
        given.kills, given.seed, given.minutes * 60, given.rate, given.calm, given.patience, customers,
        not given.no_control, given.only or KINDS,
    )  # fmt: skip
    world = World(kafka=given.kafka, workers=given.workers, customers=customers)
    holds = interrupted = False
    try:
        world.start(say)
        logging.getLogger("kafka").setLevel(logging.CRITICAL)  # that brokers go away is what we are here for
        holds, told = run(world, options, say)
        if given.json:
            print(json.dumps(told))
    except KeyboardInterrupt:
        interrupted = True
        say("\nInterrupted; stopping what was started.")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # or a second Ctrl-C would leave servers behind
        keep = given.keep or not (holds or interrupted)
        world.stop(keep=keep)
        if keep:
            say(f"The workers' logs are in {world.folder}.")
    return 130 if interrupted else int(not holds)


if __name__ == "__main__":
    sys.exit(main())
