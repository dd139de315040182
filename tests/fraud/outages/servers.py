"""Servers of the tests' own, to be killed, frozen and brought back: nobody else uses them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis

from kivendtout.devservices import processes
from kivendtout.devservices.home import Home
from kivendtout.devservices.programs import Program, find_postgres, find_redis
from kivendtout.env import BASE_DIR
from tests.devservices.kafka_servers import free_port

PASSWORD = "only-for-this-test"
START_SECONDS = 30.0


class Server:
    """A process on a port that stays its own through every stop and start."""

    def __init__(self) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = self.launch()
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)

    def launch(self) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def kill(self, number: int = signal.SIGKILL) -> None:
        """From here on connections are refused."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def family(self) -> list[int]:
        assert self.process is not None
        pid = self.process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It neither answers nor refuses: the kernel accepts what is sent to it, and nothing comes back."""
        stopped = self.family()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(stopped):
                os.kill(pid, signal.SIGCONT)

    @contextmanager
    def killed(self, number: int = signal.SIGKILL) -> Iterator[None]:
        self.kill(number)
        try:
            yield
        finally:
            self.start()


class RedisServer(Server):
    """Comes back empty, or, given a folder, with what it had appended to its file there."""

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__()
        self.folder = folder
        found = find_redis(Home(BASE_DIR))
        assert found is not None, "No redis-server was found. Run `make setup`, which fetches it."
        self.program = found

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def launch(self) -> subprocess.Popen[bytes]:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        options += ["--appendonly", "no"] if self.folder is None else ["--appendonly", "yes", "--dir", str(self.folder)]
        return subprocess.Popen(
            [str(self.program.path), *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.program.environment,
        )  # fmt: skip

    def forget(self) -> None:
        """Between a kill and a start: its file is gone with its memory."""
        if self.folder is not None:
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


class PostgresServer(Server):
    """`durable`: what it has said is committed survives `die`. Most tests do not need that, and are faster without."""

    def __init__(self, *, durable: bool = False) -> None:
        super().__init__()
        self.durable = durable
        found = find_postgres(Home(BASE_DIR))
        assert found is not None, "No PostgreSQL server programs were found. Run `make setup`, which fetches them."
        self.program: Program = found
        self.user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="kvt-outage-"))
        self._init()

    @property
    def settings(self) -> dict[str, Any]:
        """What Django needs to know, instead of what it knew."""
        return {"HOST": "127.0.0.1", "PORT": str(self.port), "USER": "postgres", "PASSWORD": PASSWORD, "NAME": "outage"}

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/outage"

    def connect(self, database: str = "outage") -> psycopg.Connection[Any]:
        url = self.url.replace("/outage", f"/{database}")
        return psycopg.connect(url, autocommit=True, connect_timeout=2)

    def _init(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self.user is not None:
            for path in (self.folder, password):
                os.chown(path, self.user, -1)
        command = [self.program.sibling("initdb"), "-D", str(self.folder / "data"), "-U", "postgres", "-E", "UTF8"]
        command += ["--auth=scram-sha-256", "-N", "--locale=C.UTF-8", f"--pwfile={password}"]
        subprocess.run(
            command, check=True, capture_output=True, user=self.user, cwd=self.folder, env=self.program.environment
        )

    def launch(self) -> subprocess.Popen[bytes]:
        command = [self.program.sibling("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        command += ["-h", "127.0.0.1", "-k", "", f"-cfsync={'on' if self.durable else 'off'}", "-cmax_connections=60"]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, user=self.user, cwd=self.folder, env=self.program.environment
            )

    def answers(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    @contextmanager
    def killed(self, number: int = signal.SIGQUIT) -> Iterator[None]:
        """SIGQUIT: every backend dies at once, and what was committed is there after the start."""
        with super().killed(number):
            yield

    def die(self) -> None:
        """SIGKILL of the server and all of its processes at once: the next start recovers from the log."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)  # or it would make another between the look and the kill
        family = self.family()
        for pid in reversed(family):
            os.kill(pid, signal.SIGKILL)
        self.process.wait(30)
        self.process = None
        while any(processes.start_mark(pid) for pid in family):  # their memory must be free before the next start
            time.sleep(0.02)

    def remove(self) -> None:
        self.kill(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def is_refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
