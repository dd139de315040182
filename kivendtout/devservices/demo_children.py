"""The processes of the demo, each as production runs it, only smaller."""

from __future__ import annotations

import os

from kivendtout.devservices import demo_data, postgres
from kivendtout.devservices.home import Home
from kivendtout.devservices.supervisor import Child

# Messages a second, some two of them payments: something to see, nothing to drown in, an alert within minutes.
REPLAY_RATE = "50"
SERVER_LOGGING = "kivendtout/lib/server_logging.json"  # the servers' own lines in the shape of ours


def children(home: Home, web_port: int, ws_port: int) -> list[Child]:
    """In the order they start; they are stopped in the reverse one."""
    python = str(home.python)
    host = os.environ.get("WEB_HOST") or "127.0.0.1"
    ports = {"WEB_PORT": str(web_port), "WS_PORT": str(ws_port), "DEMO": "true"}
    # Celery's ten lines about root: a demo in a container is root, production's workers are not and keep the warning.
    quiet = {**ports, "PYTHONWARNINGS": "ignore:You're running the worker"}
    beat = ["--beat", "--schedule", str(home.services / "beat-schedule")]
    watched = {"ACCESS_LOG_FILE": str(home.logs / "demo-web.log"), "DATABASE_LOG_FILE": str(postgres.log_file(home))}
    return [
        Child("jobs", _worker(python, "jobs", beat), quiet | watched),
        Child("stream", _worker(python, "stream", []), quiet | {"STREAM_METRICS_PORT": str(ws_port + 1)}),
        Child("web", _web(python, host, web_port), ports),
        Child("sockets", _sockets(python, host, ws_port), ports),
        Child("replay", _replay(python, home), ports),
    ]


def _web(python: str, host: str, port: int) -> list[str]:
    options = ["--interface", "wsgi", "--host", host, "--port", str(port), "--workers", "1", "--no-ws"]
    options += ["--log-config", SERVER_LOGGING]
    options += ["--blocking-threads", "4"]  # pages at once on two cores; each may hold a database connection
    return [python, "-m", "granian", *options, "kivendtout.wsgi:application"]


def _sockets(python: str, host: str, port: int) -> list[str]:
    options = ["--host", host, "--port", str(port), "--no-access-log", "--lifespan", "off"]
    # Messages are short, and compressing each for each client costs more than it spares.
    options += ["--ws-per-message-deflate", "false"]
    options += ["--log-config", SERVER_LOGGING]
    return [python, "-m", "uvicorn", *options, "kivendtout.asgi:application"]


def _worker(python: str, queue: str, more: list[str]) -> list[str]:
    """Two workers on one machine have nobody to gossip with; without it they start faster."""
    # Two jobs at once: training takes minutes, and what runs every ten seconds must not wait for it.
    at_once = "2" if queue == "jobs" else "1"
    options = ["-Q", queue, "-n", f"{queue}@%h", "--concurrency", at_once, "--without-gossip", "--without-mingle"]
    # Threads: one process less each, and no need of the shared memory that some containers withhold.
    options += ["--pool", "threads"]
    return [python, "-m", "celery", "--quiet", "-A", "celery_worker", "worker", "--loglevel", "INFO", *options, *more]


def _replay(python: str, home: Home) -> list[str]:
    rate = os.environ.get("REPLAY_RATE") or REPLAY_RATE
    return [python, "manage.py", "replay_dataset", str(demo_data.folder(home)), "--rate", rate, "--live", "--loop"]
