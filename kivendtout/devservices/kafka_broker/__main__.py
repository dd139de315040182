"""python -m kivendtout.devservices.kafka_broker --port 9092 --data DIR"""

import argparse
import asyncio
import contextlib
import logging
import resource
import signal
import sys
from pathlib import Path

from .broker import Broker, Options
from .wire import Connection

_RETENTION_EVERY_SECONDS = 30.0
# Bytes that may wait unread on one connection; a frame larger than this still arrives, piece by piece.
_READ_AHEAD_BYTES = 1024 * 1024


def _arguments() -> Options:
    parser = argparse.ArgumentParser(
        prog="kafka_broker", description="Kafka-protocol broker for development and demos."
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--host", default=Options.host)
    parser.add_argument("--auto-create", action="store_true", help="create a topic when a client first names it")
    parser.add_argument("--default-partitions", type=int, default=Options.default_partitions)
    parser.add_argument("--shortest-session-ms", type=int, default=Options.shortest_session_ms)
    parser.add_argument("--request-bytes", type=int, default=Options.request_bytes)
    given = parser.parse_args()
    return Options(
        data=given.data, host=given.host, port=given.port, auto_create=given.auto_create,
        default_partitions=given.default_partitions, shortest_session_ms=given.shortest_session_ms,
        request_bytes=given.request_bytes,
    )  # fmt: skip


async def _retain(broker: Broker) -> None:
    while True:
        await asyncio.sleep(_RETENTION_EVERY_SECONDS)
        try:
            broker.topics.retain()
        except OSError as error:
            logging.getLogger("kafka_broker").error("old segments could not be removed: %s", error)


async def _serve(options: Options) -> None:
    broker = Broker(options)
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            connections.add(task)
            task.add_done_callback(connections.discard)
        with contextlib.suppress(asyncio.CancelledError):
            await Connection(broker, reader, writer).serve()

    server = await asyncio.start_server(connected, options.host, options.port, limit=_READ_AHEAD_BYTES)
    retention = asyncio.create_task(_retain(broker))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print(f"listening on {options.host}:{options.port}, data in {options.data}", flush=True)
    await stop.wait()
    server.close()
    for task in [retention, *connections]:
        task.cancel()
    await asyncio.gather(retention, *connections, return_exceptions=True)
    broker.close()


def _allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    options = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    print("kafka_broker: for development and demos only: one process, no replication, no access control.", flush=True)
    _allow_many_files()
    try:
        with contextlib.suppress(ImportError):
            import uvloop

            asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        asyncio.run(_serve(options))
    except BlockingIOError:
        print(f"kafka_broker: another broker uses {options.data}; stop it first.", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"kafka_broker: cannot serve {options.host}:{options.port} from {options.data}: {error}.", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
