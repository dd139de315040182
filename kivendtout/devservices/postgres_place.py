"""Where the cluster lives and who owns it: PostgreSQL refuses to run as root, and asks for a private folder."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from kivendtout.devservices.home import Home
from kivendtout.devservices.processes import Account, last_meaningful_line
from kivendtout.devservices.programs import Program
from kivendtout.devservices.say import SetupError

SUPERUSER = "postgres"
SOCKET_PATH_LIMIT = 107  # bytes the kernel has for a socket's address
LONGEST_SOCKET_NAME = len("/.s.PGSQL.65535.lock")
OWN_USER = "kivendtout"  # made when root starts the cluster and the system has no postgres user


@dataclass(frozen=True)
class Place:
    data: Path
    socket: Path
    account: Account = field(default_factory=Account)


def choose(home: Home) -> Place:
    account = _account()
    base = home.services / "postgres"
    if account.uid is not None:
        base = _base_for_other_user(home, account)
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket = base / "socket"
    if len(os.fsencode(socket)) + LONGEST_SOCKET_NAME > SOCKET_PATH_LIMIT:
        socket = Path(tempfile.gettempdir()) / f"kivendtout-{home.short_hash}-{os.getuid()}"
    for folder in (base, socket, base / "data"):
        folder.mkdir(mode=0o700, exist_ok=True)
        _hand_over(folder, account)
    return Place(base / "data", socket, account)


def _account() -> Account:
    if os.geteuid() != 0:
        return Account()
    for name in (SUPERUSER, OWN_USER):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(user.pw_uid, user.pw_gid, name)
    if shutil.which("useradd") is None:
        raise SetupError(
            "PostgreSQL does not run as root and no user `postgres` exists; run again as an ordinary user."
        )
    subprocess.run(["useradd", "--system", "--user-group", "--no-create-home", OWN_USER], check=True)
    return _account()


def _base_for_other_user(home: Home, account: Account) -> Path:
    """Inside `.services`, or outside when the folders above keep other users out (a home with mode 700)."""
    assert account.gid is not None
    os.chown(home.services, -1, account.gid)
    home.services.chmod(0o710)  # that group may pass through, not look around
    inside = home.services / "postgres"
    if all(_may_pass(folder, account) for folder in home.services.parents):
        return inside
    outside = Path(f"/var/lib/kivendtout-{home.short_hash}")
    if not inside.is_symlink() and not inside.exists():
        inside.symlink_to(outside)  # shows where it went
    return outside


def _may_pass(folder: Path, account: Account) -> bool:
    info = folder.stat()
    if info.st_uid == account.uid:
        return bool(info.st_mode & 0o100)
    groups = {account.gid, *(group.gr_gid for group in grp.getgrall() if account.name in group.gr_mem)}
    return bool(info.st_mode & (0o010 if info.st_gid in groups else 0o001))


def _hand_over(folder: Path, account: Account) -> None:
    """A folder that somebody else made before us (the temporary directory is everybody's) is refused."""
    wanted = os.getuid() if account.uid is None else account.uid
    owner = folder.lstat().st_uid
    if folder.is_symlink() or owner not in {wanted, os.getuid()}:
        raise SetupError(f"{folder} belongs to another user; remove it or move the project, then run again.")
    if account.uid is not None and account.gid is not None:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)


def create_cluster(program: Program, place: Place, log: Path) -> None:
    """`initdb`; a cluster that it could not finish is removed, so that the next try begins clean."""
    command = [program.sibling("initdb"), "-D", str(place.data), "-U", SUPERUSER, "-E", "UTF8", "--no-instructions"]
    command += ["--auth-local=peer", "--auth-host=scram-sha-256", f"--locale={_locale()}"]
    _empty(place.data)
    with log.open("ab") as out:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=place.data,
            env=program.environment,
            user=place.account.uid,
            group=place.account.gid,
            extra_groups=[] if place.account.uid is not None else None,
            check=False,
        )
    if done.returncode:
        _empty(place.data)
        raise SetupError(f"PostgreSQL could not make its data folder: {last_meaningful_line(log)} (log: {log}).")


def _locale() -> str:
    """C.UTF-8 sorts the same everywhere; glibc has carried it since 2.35, older or smaller systems only C."""
    try:
        known = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.lower()
    except OSError:
        known = ""
    return "C.UTF-8" if "c.utf8" in known or "c.utf-8" in known else "C"


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def write_access_rules(place: Place) -> None:
    """The superuser has no password: only the people of this folder reach it, through the private socket."""
    people = {"root", pwd.getpwuid(os.geteuid()).pw_name, place.account.name} - {""}
    _write(place.data / "pg_ident.conf", "".join(f"setup {name} {SUPERUSER}\n" for name in sorted(people)), place)
    rules = (
        f"local all {SUPERUSER} peer map=setup",
        f"host all {SUPERUSER} all reject",
        "host all all 127.0.0.1/32 scram-sha-256",
    )
    _write(place.data / "pg_hba.conf", "\n".join(rules) + "\n", place)


def _write(file: Path, text: str, place: Place) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    if place.account.uid is not None and place.account.gid is not None:
        os.chown(file, place.account.uid, place.account.gid)
