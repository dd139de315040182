"""The demo's data: made once, loaded once per database, accounts kept for whoever runs the demo."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from kivendtout.devservices.commands import manage
from kivendtout.devservices.envfile import read_env
from kivendtout.devservices.home import Home
from kivendtout.devservices.say import SetupError, Step

CUSTOMERS, SEED = 3000, 42  # some 20,000 payments: enough to look at, loaded in seconds
# Fewer have too few frauds to choose thresholds by.
EARLIER_CUSTOMERS, EARLIER_SEED = 20_000, 7
DAYS = 91  # a quarter: what an analyst compares this week with


def folder(home: Home) -> Path:
    return home.root / "demo-data" / f"{CUSTOMERS}-customers-seed-{SEED}"


def accounts_file(home: Home) -> Path:
    return home.services / "demo-accounts.json"


def _marks_file(home: Home) -> Path:
    return home.services / "demo.json"


def generate(home: Home, line: Step) -> None:
    target = folder(home)
    summary = target.with_name(target.name + ".json")  # written last: without it the folder is not whole
    if summary.exists() and target.is_dir():
        line.note = f"{target.relative_to(home.root)}, already there"
        return
    target.parent.mkdir(exist_ok=True)
    # The history ends yesterday, so that the live replay carries on where it stops.
    last = datetime.now(UTC).date() - timedelta(days=1)
    period = ["--start", str(last - timedelta(days=DAYS)), "--end", str(last)]
    options = ["--out", str(target), "--customers", str(CUSTOMERS), "--seed", str(SEED), *period, "--json"]
    summary.write_text(manage(home, "generate_dataset", *options, line=line), encoding="utf-8")
    line.note = str(target.relative_to(home.root))


def load(home: Home, line: Step) -> None:
    if _marks(home).get("loaded") == _database_mark(home):
        line.note = "already loaded"
        return
    rejects = home.logs / "demo-rejects.csv"
    manage(home, "load_dataset", str(folder(home)), "--json", "--rejects", str(rejects), line=line)
    _mark(home, "loaded", _database_mark(home))
    line.note = "loaded"


def learn(home: Home, line: Step) -> None:
    """Another shop's quarter before ours, from which the demo's scorer learns: it has never seen our customers."""
    if _marks(home).get("scorer") == _database_mark(home):
        line.note = "already decides"
        return
    with tempfile.TemporaryDirectory(prefix="history-", dir=folder(home).parent) as made:
        history = Path(made) / "earlier"
        last = datetime.now(UTC).date() - timedelta(days=DAYS + 1)
        period = ["--start", str(last - timedelta(days=DAYS)), "--end", str(last), "--format", "parquet"]
        options = ["--out", str(history), "--customers", str(EARLIER_CUSTOMERS), "--seed", str(EARLIER_SEED), *period]
        manage(home, "generate_dataset", *options, "--json", line=line)
        told = json.loads(manage(home, "seed_demo_scorer", str(history), "--json", line=line))
    _mark(home, "scorer", _database_mark(home))
    line.note = f"trained on {EARLIER_CUSTOMERS:,} other customers, AUC {told['auc']:.3f}"


class Seeded(NamedTuple):
    accounts: list[dict[str, str]]
    api_keys: list[dict[str, str]]


def seed(home: Home, line: Step) -> Seeded:
    """Once per database: checking seven slow password hashes again at each start would take seconds."""
    kept = accounts_file(home)
    if kept.exists() and _marks(home).get("seeded") == _database_mark(home):
        known = _seeded(kept.read_text(encoding="utf-8"))
        if known.api_keys:  # a file of an earlier version has none
            line.note = "already made"
            return known
    made = _seeded(manage(home, "seed_demo", "--json", "--passwords", str(kept), line=line))
    _mark(home, "seeded", _database_mark(home))
    line.note = f"{len(made.accounts)} accounts, kept in {kept.relative_to(home.root)}"
    return made


def _seeded(text: str) -> Seeded:
    try:
        told = json.loads(text)
        return Seeded(_rows(told["accounts"]), _rows(told.get("api_keys", [])))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            "`manage.py seed_demo --json` named no accounts; remove .services/demo-accounts.json and retry."
        ) from error


def _rows(told: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{str(key): str(value) for key, value in row.items() if value} for row in told]


def write_private(file: Path, text: str) -> None:
    fresh = file.with_name(file.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    fresh.replace(file)


def _marks(home: Home) -> dict[str, Any]:
    try:
        return dict(json.loads(_marks_file(home).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _mark(home: Home, key: str, value: str) -> None:
    write_private(_marks_file(home), json.dumps(_marks(home) | {key: value}, indent=1) + "\n")


def _database_mark(home: Home) -> str:
    """This very database in this very cluster: a dropped one, or another server at the same address, is another."""
    url = os.environ.get("DATABASE_OWNER_URL") or read_env(home.env_file)["DATABASE_OWNER_URL"]
    question = (
        "SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "FROM pg_control_system()"
    )
    with psycopg.connect(url, connect_timeout=5) as db:
        return hashlib.sha256(repr(db.execute(question).fetchone()).encode()).hexdigest()[:16]
