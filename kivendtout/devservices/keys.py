"""The key ring of a fresh installation: made once, and never made anew over data that another ring encrypted."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg

from kivendtout.devservices.commands import manage
from kivendtout.devservices.envfile import read_env
from kivendtout.devservices.home import Home
from kivendtout.devservices.say import SetupError, step


def ring_of(home: Home) -> Path:
    return Path(_setting(home, "KEYRING_FILE"))


def _setting(home: Home, name: str) -> str:
    return os.environ.get(name) or read_env(home.env_file)[name]


def ensure(home: Home) -> None:
    """`--create` adds what is missing and changes nothing that exists, so new tables get their keys here too."""
    ring = ring_of(home)
    with step("Encryption keys") as line:
        fresh = not ring.exists()
        if fresh and _holds_customers(_setting(home, "DATABASE_OWNER_URL")):
            raise SetupError(
                f"The key ring {ring} is gone, but the database holds customers encrypted with it; put it back "
                f"(KEYRING_FILE names the place), or begin anew: `make stop`, then remove {home.services}."
            )
        manage(home, "rotate_keys", "--create", line=line)
        line.note = f"{'made' if fresh else 'present'}: {ring}"


def _holds_customers(url: str) -> bool:
    with psycopg.connect(url, connect_timeout=5) as db:
        if db.execute("SELECT to_regclass('customers_customer')").fetchone() == (None,):
            return False
        return bool(db.execute("SELECT 1 FROM customers_customer LIMIT 1").fetchone())
