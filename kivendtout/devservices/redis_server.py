"""The embedded Redis, with its append-only file on: a restart loses at most a second of feature state."""

from __future__ import annotations

import os
from pathlib import Path

import redis

from kivendtout.devservices import processes
from kivendtout.devservices.envfile import secret_of, update_env
from kivendtout.devservices.home import Home
from kivendtout.devservices.ports import pick
from kivendtout.devservices.programs import find_redis
from kivendtout.devservices.readiness import wait_ready
from kivendtout.devservices.say import SetupError

CONFIG = """\
bind 127.0.0.1
port {port}
dir {folder}
requirepass {password}
appendonly yes
appendfsync everysec
save ""
daemonize no
tcp-backlog 128
maxmemory-policy noeviction
"""


def pid_file(home: Home) -> Path:
    return home.run / "redis.json"


def start(home: Home) -> tuple[bool, str]:
    running = processes.read_pid(pid_file(home))
    password = secret_of(home.env_file, "REDIS_PASSWORD")
    port = running.port if running else _start(home, password)
    update_env(home.env_file, {"REDIS_URL": f"redis://:{password}@127.0.0.1:{port}/0"})
    return running is None, f"port {port}"


def _start(home: Home, password: str) -> int:
    program = find_redis(home)
    if program is None:
        raise SetupError(
            "Redis is not here and could not be fetched; install the package `redis-server` and run again."
        )
    folder = home.services / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    port = pick(home.ports_file, "redis")
    config = folder / "redis.conf"
    _write_private(config, CONFIG.format(port=port, folder=_quoted(folder), password=password))
    log = home.logs / "redis.log"
    before = processes.log_size(log)
    process = processes.start(
        [str(program.path), str(config)],
        pid_file=pid_file(home),
        log=log,
        cwd=folder,
        env=program.environment,
        port=port,
    )
    wait_ready("Redis", lambda: _answers(port, password), process, log, pid_file(home), before)
    return port


def stop(home: Home) -> bool:
    return processes.stop(pid_file(home))


def _answers(port: int, password: str) -> bool:
    client = redis.Redis(host="127.0.0.1", port=port, password=password, socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:  # not up yet, or still reading its append-only file
        return False
    finally:
        client.close()


def _quoted(folder: Path) -> str:
    escaped = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _write_private(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
