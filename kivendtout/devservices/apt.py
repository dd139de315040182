"""The system's packages: installed when we are root, unpacked into `.services/tools` when we are not.

apt itself resolves what is missing and checks every signature, in both cases; without root it only works on
lists and a cache of our own. That proved more robust than wheels or npm tarballs of the same servers: one
mechanism for pip, PostgreSQL, Redis and a browser, security updates included, and no build for another libc.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kivendtout.devservices.home import Home
from kivendtout.devservices.processes import last_meaningful_line, log_size
from kivendtout.devservices.programs import extracted_root
from kivendtout.devservices.say import SetupError

CLUSTER_RULES = Path("/etc/postgresql-common/createcluster.conf")
# What a server asks for only to be configured system-wide, or to compile queries at run time (which we turn off).
# libc itself must never be unpacked: a program would load a libc other than its loader's.
NOT_UNPACKED = re.compile(
    r"^(perl|libperl|libjson-perl|libcommon-sense|libtypes-serialiser|ucf|ssl-cert|sensible-utils|locales|libc-l10n"
    r"|libllvm|libz3|netbase|adduser|debconf|init-system|lsb-base|sysvinit|systemd|libc6|libc-bin|python3(\.\d+)?$"
    r"|libpython3|python3(\.\d+)?-minimal|postgresql$|postgresql-common|postgresql-client-common|logrotate|cron|dbus)"
)


def available() -> bool:
    return shutil.which("apt-get") is not None and shutil.which("dpkg") is not None


def is_root() -> bool:
    return os.geteuid() == 0


def install(home: Home, packages: list[str]) -> None:
    """Whichever way this user may; SetupError when it did not work."""
    if is_root():
        _install_as_root(home, packages)
    else:
        _unpack(home, packages)


def _install_as_root(home: Home, packages: list[str]) -> None:
    quiet = ["-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"]
    _run(home, ["apt-get", "update", "-q"], packages)
    with _no_system_cluster():
        _run(home, ["apt-get", "install", *quiet, *packages], packages)


@contextmanager
def _no_system_cluster() -> Iterator[None]:
    """Debian's package makes and starts a cluster of its own at installation; nobody asked for that one."""
    if CLUSTER_RULES.exists():  # somebody set this machine up already: their choice
        yield
        return
    CLUSTER_RULES.parent.mkdir(exist_ok=True)
    CLUSTER_RULES.write_text("create_main_cluster = false\n")
    try:
        yield
    finally:
        shipped = Path("/usr/share/postgresql-common/createcluster.conf")
        if shipped.exists():
            shutil.copyfile(shipped, CLUSTER_RULES)
        else:
            CLUSTER_RULES.unlink()


def _unpack(home: Home, packages: list[str]) -> None:
    _run(home, ["apt-get", *_own_state(home), "update", "-q"], packages)
    names = _missing(home, packages)
    archives = home.tools / "apt" / "download"
    shutil.rmtree(archives, ignore_errors=True)
    archives.mkdir(parents=True)
    _run(home, ["apt-get", *_own_state(home), "download", "-q", *names], packages, cwd=archives)
    for archive in sorted(archives.glob("*.deb")):
        _run(home, ["dpkg", "-x", str(archive), str(extracted_root(home))], packages)
    shutil.rmtree(archives)


def _own_state(home: Home) -> list[str]:
    base = home.tools / "apt"
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    settings = {
        "Dir::State": base / "state",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": base / "cache",
        "Debug::NoLocking": "1",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "",
    }
    return [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]


def _missing(home: Home, packages: list[str]) -> list[str]:
    """What apt would install, upgrades of what is there left out (their lines carry the old version in brackets)."""
    command = ["apt-get", *_own_state(home), "-s", "--no-install-recommends", "install", *packages]
    plan = _run(home, command, packages)
    names = re.findall(r"^Inst (\S+) \(", plan, flags=re.MULTILINE)
    return [name for name in names if not NOT_UNPACKED.match(name)]


def _run(home: Home, command: list[str], packages: list[str], cwd: Path | None = None) -> str:
    log = home.logs / "apt.log"
    before = log_size(log)
    environment = dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    with log.open("ab") as out:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=out,
            cwd=cwd,
            env=environment,
            check=False,
        )
        out.write(done.stdout)
    if done.returncode:
        why = last_meaningful_line(log, since=before).rstrip(".")
        raise SetupError(
            f"apt-get could not provide {', '.join(packages)}: {why}; check the network and the disk, "
            f"then run again (log: {log})."
        )
    return done.stdout.decode("utf-8", errors="replace")
