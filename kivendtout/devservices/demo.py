"""`make demo`: from nothing to a living product, in the foreground, and back to nothing on Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kivendtout.devservices import assets, demo_data, keys, packages, processes
from kivendtout.devservices.box import accounts_table, box
from kivendtout.devservices.commands import manage
from kivendtout.devservices.demo_children import children
from kivendtout.devservices.home import Home
from kivendtout.devservices.ports import is_free
from kivendtout.devservices.say import SetupError, step
from kivendtout.devservices.services import Service, start_all, stop_all
from kivendtout.devservices.supervisor import Supervisor

READY_WITHIN = 90.0  # seconds from starting the processes to a good /healthz, on two busy cores


class Stopped(BaseException):
    """Ctrl-C or SIGTERM while the demo is still being set up."""


@dataclass(frozen=True)
class Ports:
    web: int
    sockets: int


def run(home: Home) -> int:
    began = time.monotonic()
    ports = Ports(_port("WEB_PORT", 8000), _port("WS_PORT", 8001))
    home.prepare()
    with _only_demo(home):
        _require_free(ports)
        _on_signals(_raise_stopped)
        started: list[Service] = []
        try:
            seeded = _prepare(home, started)
            return _live(home, ports, seeded, began)
        except Stopped:
            print("\nStopping.", flush=True)
            return 130
        finally:
            _on_signals(signal.SIG_IGN)
            stopped = stop_all(home, started) if started else []
            print(f"Stopped: {', '.join(stopped)}." if stopped else "Stopped.", flush=True)


def _prepare(home: Home, started: list[Service]) -> demo_data.Seeded:
    packages.ensure(home, packages.SERVERS)
    started += start_all(home)
    keys.ensure(home)
    with step("Database schema") as line:
        manage(home, "migrate", "--noinput", "-v", "1", line=line)
        manage(home, "make_partitions", line=line)
        manage(home, "check", "--database", "default", line=line)
        line.note = "up to date"
    with step("Demo accounts") as line:
        seeded = demo_data.seed(home, line)
    with step("Demo data set") as line:
        demo_data.generate(home, line)
    with step("Loading it") as line:
        demo_data.load(home, line)
    with step("Feature state") as line:
        manage(home, "rebuild_state", "--if-cold", line=line)
        line.note = "knows the history"
    with step("Scorer") as line:
        demo_data.learn(home, line)
    with step("Translations") as line:
        assets.compile_messages(home, line)
    with step("Static files") as line:
        assets.collect(home, line)
    return seeded


def _live(home: Home, ports: Ports, seeded: demo_data.Seeded, began: float) -> int:
    supervisor = Supervisor(home, children(home, ports.web, ports.sockets))
    _on_signals(supervisor.request_stop)
    try:
        supervisor.start_all()
        deadline = time.monotonic() + READY_WITHIN
        supervisor.run(until=lambda: _is_ready(ports) or time.monotonic() > deadline)
        if not supervisor.stopping:
            if not _is_ready(ports):
                raise SetupError(f"The web process gave no good answer within {READY_WITHIN:.0f} s; see {home.logs}.")
            print(_welcome(ports, seeded, time.monotonic() - began), flush=True)
            supervisor.run()
        print("\nStopping.", flush=True)
        return 0
    finally:
        supervisor.stop_all()


def _welcome(ports: Ports, seeded: demo_data.Seeded, seconds: float) -> str:
    lines = [
        f"KiVendTout is running: http://localhost:{ports.web}/",
        f"Administration:        http://localhost:{ports.web}/admin/",
        "",
        "Sign in as:",
        *(f"  {row}" for row in accounts_table(seeded.accounts)),
        "",
        "API keys:",
        *(f"  {one['name']:<16}  {one['key']}" for one in seeded.api_keys),
        "",
        f"Ready in {seconds:.0f} s. Ctrl-C stops everything.",
    ]
    live = [one["key"] for one in seeded.api_keys if one["key"].startswith("kvt_live_")]
    paste = "Score a payment that somebody should look at; its alert appears on the page:"
    return "\n".join([box(lines), *(f"{paste}\n{curl_line(ports.web, key)}" for key in live[:1])])


def curl_line(port: int, key: str) -> str:
    """Outside the box and in one line, so that it can be pasted; each time it is another payment."""
    payment = (
        '{"payment_id":"TRY-\'$(date +%s)\'","customer_id":"C00042","amount":"849.90","method":"card",'
        '"card_fingerprint":"a-card-never-seen","device_id":"a-new-phone","payment_country":"BR",'
        '"ip_address":"200.147.3.157"}'
    )
    return (
        f"curl -s http://localhost:{port}/api/v1/score -H 'Authorization: Bearer {key}' "
        f"-H 'Content-Type: application/json' -d '{payment}'"
    )


def _is_ready(ports: Ports) -> bool:
    try:
        socket.create_connection(("127.0.0.1", ports.sockets), timeout=1).close()
        with urllib.request.urlopen(f"http://127.0.0.1:{ports.web}/healthz", timeout=3) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def _port(variable: str, default: int) -> int:
    raw = os.environ.get(variable) or str(default)
    if not raw.isdigit() or not 0 < int(raw) < 65536:
        raise SetupError(f"{variable} is {raw!r}; use a port number from 1 to 65535.")
    return int(raw)


def _require_free(ports: Ports) -> None:
    if ports.web == ports.sockets:
        raise SetupError(f"WEB_PORT and WS_PORT are both {ports.web}; give them different ports.")
    for variable, port in (("WEB_PORT", ports.web), ("WS_PORT", ports.sockets)):
        if not is_free(port):
            raise SetupError(
                f"Port {port} is in use; stop what uses it, or choose another: make demo {variable}={port + 100}"
            )


@contextmanager
def _only_demo(home: Home) -> Iterator[None]:
    """A second demo in the same folder is refused; what a killed one left behind is cleared away first."""
    own = home.run / "demo.json"
    other = processes.read_pid(own)
    if other is not None:
        raise SetupError(f"A demo already runs from this folder (process {other.pid}); `make stop` ends it.")
    clear_leftovers(home)
    processes.record(own, os.getpid())
    try:
        yield
    finally:
        own.unlink(missing_ok=True)


def clear_leftovers(home: Home) -> list[str]:
    found = sorted(home.run.glob("demo-*.json"))
    return [file.stem for file in found if processes.stop(file, whole_session=True)]


def stop_running(home: Home) -> bool:
    """`make stop` from another terminal: the demo is asked to end itself, services included."""
    asked = processes.stop(home.run / "demo.json", patience=20.0)
    return bool(clear_leftovers(home)) or asked


def _on_signals(handler: Callable[..., object] | signal.Handlers) -> None:
    """Set outright: a shell that starts us in the background has SIGINT ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _raise_stopped(*_: object) -> None:
    raise Stopped
