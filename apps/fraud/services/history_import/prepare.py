"""First pass: the file read once, checked, without card numbers, hashed, told apart and put in order of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from django.utils.translation import gettext_noop

from apps.fraud.engine.event import payment_key
from apps.fraud.engine.rates import euro_cents
from apps.fraud.services.history_import.checks import check_chunk
from apps.fraud.services.history_import.files import BadHistory, Fault, HistoryFile
from apps.fraud.services.history_import.mapping import HistoryMap
from apps.fraud.services.history_import.repeats import Repeats
from apps.fraud.services.history_import.runs import Runs
from apps.fraud.services.history_import.secrets import Hasher, without_cards
from kivendtout.lib.errors import InvalidInput

ROWS_A_CHUNK: Final = 50_000
# Enough to see what is wrong with a kind of row; the counts tell of the rest.
EXAMPLES: Final = 5
# Too few rows say nothing of the file: a share is looked at from here on, and at its end.
ENOUGH_TO_JUDGE: Final = 10_000
REPEATED: Final = "repeated_payment"


class TooManyRejected(InvalidInput):
    code = "too_many_rejected"
    message = gettext_noop("Too many rows of the file cannot be used. Correct the map or the file.")


@dataclass
class Rejected:
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, faults: list[Fault]) -> None:
        for fault in faults:
            self.counts[fault.reason] += 1
            known = self.examples.setdefault(fault.reason, [])
            if len(known) < EXAMPLES:
                known.append({"line": fault.line, "problem": fault.sentence})

    @property
    def rows(self) -> int:
        return self.counts.total()


@dataclass
class Prepared:
    paths: list[Path] = field(default_factory=list)
    left_out: np.ndarray[Any, np.dtype[np.int64]] = field(default_factory=lambda: np.empty(0, np.int64))
    rows: int = 0
    """In the file."""
    rejected: Rejected = field(default_factory=Rejected)
    first: int | None = None
    last: int | None = None

    @property
    def kept(self) -> int:
        return self.rows - self.rejected.rows


def prepare(
    *, file: HistoryFile, mapped: HistoryMap, folder: Path, now: datetime, most_rejected: float,
    say: Callable[[float, int], None],
) -> Prepared:  # fmt: skip
    _check_columns(file, mapped)
    done, runs, repeats, hasher = Prepared(), Runs(folder), Repeats(folder), Hasher()
    names = list(dict.fromkeys(mapped.columns.values()))
    try:
        for chunk in file.chunks(ROWS_A_CHUNK, names):
            done.rows += len(chunk.frame) + len(chunk.faults)
            good, faults = check_chunk(chunk.frame, mapped, now)
            good, with_cards = without_cards(good, mapped.columns)
            done.rejected.add([*chunk.faults, *faults, *with_cards])
            if done.rows >= ENOUGH_TO_JUDGE:
                judge(done, most_rejected)
            if len(good):
                _keep(good, mapped, hasher, repeats, runs, done)
            say(file.done, done.rows)
        runs.flush()
        done.paths, done.left_out = runs.paths, repeats.lines()
    finally:
        repeats.close()
    done.rejected.add(
        [Fault(int(line), REPEATED, "The payment's id stood in an earlier line.") for line in done.left_out]
    )
    if not done.rows:
        raise BadHistory(f"{file.path.name} has a header and no payments. Export it again.")
    judge(done, most_rejected)
    return done


def judge(done: Prepared, most: float) -> None:
    if done.rejected.rows <= most * done.rows:
        return
    reason, many = done.rejected.counts.most_common(1)[0]
    first = done.rejected.examples[reason][0]
    raise TooManyRejected(
        f"{done.rejected.rows:,} of {done.rows:,} rows cannot be used, more than the {most:.1%} that --max-rejected "
        f"allows. {many:,} of them: {reason}, first in line {first['line']:,}: {first['problem']} "
        "Correct the map or the file, or allow more."
    )


def _check_columns(file: HistoryFile, mapped: HistoryMap) -> None:
    there = file.columns()
    missing = [f"{column!r} ({name})" for name, column in mapped.columns.items() if column not in there]
    if missing:
        has = ", ".join(there)
        raise BadHistory(
            f"{file.path.name} has no column {', '.join(missing)}. Its columns are: {has}. Correct the map."
        )
    twice = [column for column in mapped.columns.values() if there.count(column) > 1]
    if twice:
        raise BadHistory(f"{file.path.name} has two columns named {twice[0]!r}. Rename one of them.")


def _keep(good: pl.DataFrame, mapped: HistoryMap, hasher: Hasher, repeats: Repeats, runs: Runs, done: Prepared) -> None:
    if "payment_id" not in good.columns:
        good = good.with_columns(pl.col("line").cast(pl.String).alias("payment_id"))
    good = hasher.hashed(good)
    if "currency" not in good.columns:
        good = good.with_columns(pl.lit(mapped.fixed()["currency"]).alias("currency"))
    keys = np.frombuffer(b"".join(map(payment_key, good["payment_id"].to_list())), ">u8").astype(np.uint64)
    repeats.add(keys, good["line"].to_numpy())
    first, last = int(good["at"].min()), int(good["at"].max())  # type: ignore[arg-type]  # polars has one type for all
    done.first = first if done.first is None else min(first, done.first)
    done.last = last if done.last is None else max(last, done.last)
    runs.add(_priced(good).with_columns(pl.Series("key", keys)))


def _priced(good: pl.DataFrame) -> pl.DataFrame:
    """`amount` as the number nearest to it, `euro_cents` at the reference rate. A foreign amount is computed once."""
    foreign = good.filter(pl.col("currency") != "EUR").select("amount", "currency").unique()
    cents = [euro_cents(Decimal(mills).scaleb(-3), code) for mills, code in foreign.iter_rows()]
    rated = foreign.with_columns(pl.Series("euro_cents", cents, dtype=pl.Int64))
    return good.join(rated, on=["amount", "currency"], how="left", maintain_order="left").with_columns(
        pl.when(pl.col("currency") == "EUR")
        .then((pl.col("amount") + 5) // 10)
        .otherwise("euro_cents")
        .alias("euro_cents"),
        (pl.col("amount") / 1000).alias("amount"),
    )
