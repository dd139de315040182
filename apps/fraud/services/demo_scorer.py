"""The demo's scorer: it learned from a shop's earlier history, one proposed it and another let it decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from apps.compliance.models import Tenant, User
from apps.fraud.models import Scorer
from apps.fraud.scorers.trained import Trained
from apps.fraud.scorers.training.plan import Plan
from apps.fraud.services.generated_history import MAP, history_written
from apps.fraud.services.history_import.mapping import read_map
from apps.fraud.services.history_import.service import history_import
from apps.fraud.services.scorer_register import scorer_register
from apps.fraud.services.scorer_stages import scorer_approve, scorer_propose
from apps.fraud.services.training import scorer_train
from kivendtout.lib.tenancy import tenant_scope

# Enough that it is a good one, few enough that nobody waits long for a demo.
TRIALS: Final = 2
WORKERS: Final = 2
NOTE: Final = "Démonstration : appris d'une autre période, d'autres clients."
Say = Callable[[str], None]


def demo_scorer_seed(*, tenant: Tenant, dataset: Path, now: datetime, say: Say) -> tuple[Scorer, bool]:
    """And whether it was made now: a tenant that has a scorer keeps its own."""
    with tenant_scope(tenant.pk):
        if (there := Scorer.objects.order_by("number").first()) is not None:
            return there, False
        trained = _learned(tenant, dataset, now, say)
        analyst, lead = _person(tenant, "analyst"), _person(tenant, "lead")
        scorer = scorer_register(tenant_id=tenant.pk, trained=trained, actor=analyst, now=now, note=NOTE)
        change = scorer_propose(scorer=scorer, operating=trained.operating, actor=analyst, now=now, note=NOTE)
        scorer_approve(change=change, actor=lead, now=now)
        scorer.refresh_from_db()
        return scorer, True


def _learned(tenant: Tenant, dataset: Path, now: datetime, say: Say) -> Trained:
    with TemporaryDirectory(prefix="kvt-demo-scorer-") as made:
        folder = Path(made)
        say("reading its history")
        history = history_written(dataset, folder / "history.parquet")
        matrix = folder / "features.parquet"
        history_import(path=history, mapped=read_map(MAP), out=matrix, now=now, workers=WORKERS)
        return scorer_train(tenant=tenant, plan=Plan(trials=TRIALS), now=now, matrix=matrix, progress=say)


def _person(tenant: Tenant, role: str) -> User:
    found: User = User.objects.filter(tenant=tenant, groups__name=role, is_active=True).order_by("pk")[:1].get()
    return found
