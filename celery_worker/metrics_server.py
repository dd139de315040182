"""What a scraper and a supervisor ask a stream worker: `/metrics` and `/healthz`, on a port of its own.

A web server of the standard library in a thread: two addresses, asked a few times a minute.
"""

from __future__ import annotations

import hmac
import json
import socket
import threading
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from socketserver import TCPServer
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from kivendtout.lib.stream_health import StreamHealth, worker_report
from kivendtout.lib.stream_metrics import watch_turns

# Several workers of one machine are started with the same settings: each takes the next free port of so many.
PORTS: Final = 10
# A scraper that stays silent holds a thread for no longer than this.
PATIENCE: Final = 5.0
STOP_SECONDS: Final = 2.0
PROBLEM: Final = "application/problem+json"

log = structlog.get_logger(__name__)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    loops: Mapping[str, StreamHealth]
    token: str | None

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Without the standard library's question to DNS for a name that nobody uses: it may hang."""
        TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A scraper that hangs up is no fault of ours; the standard library would print a traceback."""
        log.debug("stream_metrics_request_failed")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = PATIENCE
    server_version, sys_version = "kivendtout", ""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/healthz":
            self._healthz()
        elif path != "/metrics":
            self._problem(HTTPStatus.NOT_FOUND, "There is only /metrics and /healthz here.")
        elif not self._may_read():
            self._problem(HTTPStatus.FORBIDDEN, "Metrics are for scrapers: send METRICS_TOKEN as a bearer token.")
        else:
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, content_type, encode(REGISTRY))

    do_HEAD = do_GET  # noqa: N815  the name is the standard library's

    def _healthz(self) -> None:
        loops = self.server.loops
        alive = all(one.alive for one in loops.values())
        status = HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, "application/json", json.dumps(worker_report(loops)).encode())

    def _may_read(self) -> bool:
        """As the web's /metrics: this machine, unless a proxy on it makes everybody local, or the token."""
        if ip_address(self.client_address[0]).is_loopback and "X-Forwarded-For" not in self.headers:
            return True
        sent = self.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        return bool(self.server.token) and hmac.compare_digest(sent, str(self.server.token).encode())

    def _problem(self, status: HTTPStatus, detail: str) -> None:
        body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
        self._answer(status, PROBLEM, json.dumps(body).encode())

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """A line per scrape would bury the worker's own."""


class MetricsServer:
    def __init__(self, loops: Mapping[str, StreamHealth], *, host: str, port: int, token: str | None) -> None:
        self._server = _listen(host, port)
        self._server.loops, self._server.token = loops, token
        self._thread = threading.Thread(target=self._server.serve_forever, name="stream-metrics", daemon=True)
        self._thread.start()
        for name, health in loops.items():
            watch_turns(name, partial(getattr, health, "seconds_since_turn"))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(STOP_SECONDS)


def serve_metrics(loops: Mapping[str, StreamHealth]) -> MetricsServer | None:
    """As the settings say. A worker that cannot be watched still works: it says so and goes on."""
    host, port = settings.STREAM_METRICS_HOST, settings.STREAM_METRICS_PORT
    if not port:
        return None
    try:
        server = MetricsServer(loops, host=host, port=port, token=settings.METRICS_TOKEN)
    except (OSError, OverflowError) as error:
        advice = "Set STREAM_METRICS_PORT to a free port, and STREAM_METRICS_HOST to an address of this machine."
        log.warning("stream_metrics_not_served", host=host, port=port, error=type(error).__name__, advice=advice)
        return None
    log.info("stream_metrics_served", host=host, port=server.port)
    return server


def _listen(host: str, port: int) -> _Server:
    last: OSError | None = None
    for candidate in range(port, port + PORTS):
        try:
            return _Server(host, candidate)
        except OSError as error:
            last = error
            if not port:
                break
    raise last or OSError("no port was tried")
