"""A throw-away PostgreSQL that logs everything it can, with roles set as in production."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from kivendtout.devservices.home import Home
from kivendtout.devservices.programs import find_postgres
from kivendtout.env import BASE_DIR

ROLE = "sealed_app"
PASSWORD = "only-for-this-test"
LOGGING = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_min_messages": "debug1",
    "log_min_error_statement": "debug1",
    "log_error_verbosity": "verbose",
    "log_lock_waits": "on",
    "debug_print_parse": "off",
    "deadlock_timeout": "100ms",
    "fsync": "off",
}


@dataclass
class Cluster:
    folder: Path
    port: int
    heard: int = 0  # where the current test's part of the log begins

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}:{PASSWORD}@127.0.0.1:{self.port}/sealed"

    @property
    def admin_url(self) -> str:
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def log(self) -> str:
        return self._whole_log()[self.heard :]

    def begin_log(self) -> None:
        self.heard = len(self._whole_log())

    def _whole_log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Cluster]:
        program = find_postgres(Home(BASE_DIR))
        if program is None:
            pytest.fail("No PostgreSQL server programs were found. Run `make setup`, which fetches them.")
        user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
        folder = Path(tempfile.mkdtemp(prefix="kvt-crypto-"))
        cluster = cls(folder, _free_port())
        try:
            cluster._init(program.sibling("initdb"), user, program.environment)
            server = cluster._serve(program.sibling("postgres"), user, program.environment)
            try:
                cluster._prepare()
                yield cluster
            finally:
                server.terminate()  # SIGTERM: finish what runs; SIGINT would cancel it, and the tests have ended
                _wait(server)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _init(self, initdb: str, user: int | None, environment: dict[str, str]) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if user is not None:
            for path in (self.folder, password):
                os.chown(path, user, -1)
        subprocess.run(
            [initdb, "-D", str(self.folder / "data"), "-U", "postgres", "--auth=scram-sha-256", "-E", "UTF8", "-N",
             "--locale=C.UTF-8", f"--pwfile={password}"],
            check=True, capture_output=True, user=user, cwd=self.folder, env=environment,
        )  # fmt: skip

    def _serve(self, postgres: str, user: int | None, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        options = [f"-c{name}={value}" for name, value in LOGGING.items()]
        with (self.folder / "log").open("wb") as log:
            return subprocess.Popen(
                [postgres, "-D", str(self.folder / "data"), "-p", str(self.port), "-h", "127.0.0.1", "-k", "",
                 *options],
                stdout=log, stderr=log, user=user, cwd=self.folder, env=environment,
            )  # fmt: skip

    def _prepare(self) -> None:
        with _connect(self.admin_url) as admin:
            admin.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
            admin.execute(f"ALTER ROLE {ROLE} SET log_parameter_max_length = 0")
            admin.execute(f"ALTER ROLE {ROLE} SET log_parameter_max_length_on_error = 0")
            admin.execute(f"CREATE DATABASE sealed OWNER {ROLE}")


def _connect(url: str) -> psycopg.Connection:
    import time

    for _ in range(200):
        try:
            return psycopg.connect(url, autocommit=True, connect_timeout=2)
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise AssertionError("the throw-away PostgreSQL did not answer within ten seconds")


def _wait(server: subprocess.Popen[bytes]) -> None:
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
