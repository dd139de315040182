"""A tenant's scorer, trained: rows from the database or a file, rules beside it. Needs Polars and XGBoost; in a job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from apps.compliance.models import Tenant
from apps.fraud.scorers.trained import Trained
from apps.fraud.scorers.training.plan import Plan
from apps.fraud.scorers.training.train import train
from apps.fraud.services.history import EVER, Period
from apps.fraud.services.training_rows import training_matrix
from apps.fraud.services.training_rules import NO_RULES, OWN, rules_beside, rules_by_name
from kivendtout.lib.clock import event_time
from kivendtout.lib.tenancy import tenant_scope

Say = Callable[[str], None]


def silence(_step: str) -> None:
    """For callers that show nobody how far it is."""


def scorer_train(
    *,
    tenant: Tenant,
    plan: Plan,
    now: datetime,
    matrix: Path | None = None,
    period: Period = EVER,
    known_on: datetime | None = None,
    beside: str = OWN,
    progress: Say = silence,
) -> Trained:
    """Nothing is registered: see `scorer_register`. `beside`: the rules that will decide with it.

    Without a file the tenant's own payments are used, with the labels known on the date, now otherwise.
    """
    with tenant_scope(tenant.pk):
        if matrix is not None:
            on = event_time(known_on) if known_on else None
            return file_train(path=matrix, plan=plan, known_on=on, beside=beside, progress=progress)
        with TemporaryDirectory(prefix="kvt-training-") as folder:
            path = Path(folder) / "matrix.parquet"
            made = training_matrix(
                tenant=tenant,
                path=path,
                period=period,
                known_on=known_on,
                progress=lambda replayed, rows: progress(f"{replayed:,} payments read, {rows:,} rows"),
            )
            progress(f"{made.rows:,} rows, {made.stored:,} of them as stored")
            return file_train(
                path=path, plan=plan, known_on=event_time(known_on or now), beside=beside, progress=progress
            )


def file_train(
    *, path: Path, plan: Plan, known_on: int | None, beside: str = NO_RULES, progress: Say = silence
) -> Trained:
    """Beside no rules the scorer decides alone, whatever sets it is compared with."""
    first = rules_beside(beside)
    return train(
        path,
        plan,
        known_on=known_on,
        rules=lambda: rules_by_name(path, first),
        decides=first != NO_RULES,
        progress=progress,
    )
