"""The embedded PostgreSQL: its cluster, its roles, its start and stop."""

from __future__ import annotations

import signal
from pathlib import Path

import psycopg
from psycopg import sql

from kivendtout.devservices import postgres_place, processes
from kivendtout.devservices.envfile import secret_of, update_env
from kivendtout.devservices.home import Home
from kivendtout.devservices.ports import pick
from kivendtout.devservices.postgres_place import Place
from kivendtout.devservices.programs import find_postgres
from kivendtout.devservices.readiness import wait_ready
from kivendtout.devservices.say import SetupError

DATABASE, OWNER, APP = "kivendtout", "kivendtout_owner", "kivendtout_app"
SETTINGS = {
    "shared_buffers": "256MB",  # the demo's working set, on a machine that also runs everything else
    "max_connections": "200",  # web threads, workers and two test processes, with room
    "max_wal_size": "2GB",  # a bulk load without a checkpoint every few seconds
    "synchronous_commit": "on",  # a decision that was answered is on disk
    "password_encryption": "scram-sha-256",
    "jit": "off",  # short queries; compiling them costs more than running them
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",  # whose line it is: what looks for odd roles reads it
    "unix_socket_permissions": "0700",
    "listen_addresses": "127.0.0.1",
}


def pid_file(home: Home) -> Path:
    return home.run / "postgres.json"


def log_file(home: Home) -> Path:
    return home.logs / "postgres.log"


def start(home: Home) -> tuple[bool, str]:
    """Whether it had to be started, and where it is."""
    place = postgres_place.choose(home)
    running = processes.read_pid(pid_file(home))
    started = running is None
    port = _start(home, place) if running is None else running.port
    try:
        _ensure_roles(home, place, port)
    except BaseException:
        if started:
            stop(home)
        raise
    return started, f"port {port}"


def _start(home: Home, place: Place) -> int:
    version_file = place.data / "PG_VERSION"
    major = version_file.read_text().strip() if version_file.exists() else None
    program = find_postgres(home, major)
    if program is None:
        raise SetupError(_missing(place, major))
    if major is None:
        postgres_place.create_cluster(program, place, log_file(home))
    postgres_place.write_access_rules(place)
    port = pick(home.ports_file, "postgres")
    settings = SETTINGS | {"port": str(port), "unix_socket_directories": str(place.socket)}
    command = [str(program.path), "-D", str(place.data)]
    for key, value in settings.items():
        command += ["-c", f"{key}={value}"]
    log = log_file(home)
    before = processes.log_size(log)
    process = processes.start(
        command,
        pid_file=pid_file(home),
        log=log,
        cwd=place.data,
        env=program.environment,
        account=place.account,
        port=port,
    )
    wait_ready("PostgreSQL", lambda: _answers(place, port), process, log, pid_file(home), before)
    return port


def stop(home: Home) -> bool:
    """SIGINT is PostgreSQL's fast shutdown: clients are sent away, nothing is lost."""
    return processes.stop(pid_file(home), signal.SIGINT)


def _missing(place: Place, major: str | None) -> str:
    if major is None:
        return "PostgreSQL is not here and could not be fetched; install the package `postgresql` and run again."
    return (
        f"The data in {place.data} was made by PostgreSQL {major}, which is not installed any more; "
        f"install it, or move that folder away to begin anew."
    )


def _connect(place: Place, port: int, database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(
        host=str(place.socket),
        port=port,
        user=postgres_place.SUPERUSER,
        dbname=database,
        connect_timeout=3,
        autocommit=True,
    )


def _answers(place: Place, port: int) -> bool:
    try:
        _connect(place, port).close()
    except psycopg.OperationalError:
        return False
    return True


def _ensure_roles(home: Home, place: Place, port: int) -> None:
    """Said again at each start, so that a lost `.services/env` or a half-made cluster mends itself."""
    passwords = {role: secret_of(home.env_file, f"{role.upper()}_PASSWORD") for role in (OWNER, APP)}
    with _connect(place, port) as db:
        for role, password in passwords.items():
            _ensure_role(db, role, password)
        if not db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            db.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))
    # template1 too: a test database is copied from it and must give the application role the same rights.
    for database in (DATABASE, "template1"):
        with _connect(place, port, database) as db:
            _grant_defaults(db)
    host = f"127.0.0.1:{port}/{DATABASE}"
    update_env(
        home.env_file,
        {
            "DATABASE_URL": f"postgres://{APP}:{passwords[APP]}@{host}",
            "DATABASE_OWNER_URL": f"postgres://{OWNER}:{passwords[OWNER]}@{host}",
        },
    )


def _ensure_role(db: psycopg.Connection, role: str, password: str) -> None:
    name = sql.Identifier(role)
    if not db.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        db.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
    rights = sql.SQL("CREATEDB" if role == OWNER else "NOCREATEDB")
    # The server is sent the password's SCRAM verifier, so that not even its own log can hold the password.
    verifier = db.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    db.execute(sql.SQL("ALTER ROLE {} LOGIN {} PASSWORD {}").format(name, rights, sql.Literal(verifier)))
    for setting in ("log_parameter_max_length", "log_parameter_max_length_on_error"):
        db.execute(sql.SQL("ALTER ROLE {} SET {} = 0").format(name, sql.Identifier(setting)))


def _grant_defaults(db: psycopg.Connection) -> None:
    owner, app = sql.Identifier(OWNER), sql.Identifier(APP)
    for rights in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT ON SEQUENCES"):
        db.execute(sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} GRANT {} TO {}").format(owner, sql.SQL(rights), app))
