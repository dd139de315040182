"""A trained scorer becomes one of the tenant's: numbered, a candidate, with its bytes and its pictures."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import connection, transaction
from django.utils.translation import gettext_noop

from apps.compliance.models import User
from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.models import Scorer, ScorerArtefact, ScorerPicture
from apps.fraud.scorers.artefact import artefact_read, digest_of, require_match
from apps.fraud.scorers.scorer import Scorer as Loaded
from apps.fraud.scorers.trained import Trained
from apps.fraud.services.scorer_mlflow import scorer_record_quietly
from kivendtout.lib.errors import InvalidInput

NOTE_LENGTH: Final = 300


class ScorerIncomplete(InvalidInput):
    code = "scorer_incomplete"
    message = gettext_noop("The scorer cannot be registered: %(problem)s. Train it again.")


def scorers_lock(tenant_id: int) -> None:
    """Until the transaction ends, nobody else changes this tenant's scorers: stages and what decides move together."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('kvt_scorers'), %s)", [tenant_id])


def scorer_register(*, tenant_id: int, trained: Trained, actor: User | None, now: datetime, note: str = "") -> Scorer:
    """Refuses what would not decide: a damaged artefact, another catalogue's, thresholds out of order.

    The registry of MLflow hears of it after the commit. Without an answer `run_id` stays empty, and `scorers sync`
    tells it later: the scorer is registered here, which is what counts.
    """
    artefact = artefact_read(trained.artefact)
    require_match(artefact.header, CATALOGUE)
    Loaded(trained.artefact)  # XGBoost itself can read the booster
    _check(trained)
    with transaction.atomic():
        scorers_lock(tenant_id)
        latest = Scorer.objects.filter(tenant_id=tenant_id).order_by("-number").values_list("number", flat=True).first()
        scorer: Scorer = Scorer.objects.create(
            tenant_id=tenant_id,
            number=(latest or 0) + 1,
            digest=digest_of(trained.artefact),
            catalogue_version=artefact.header.catalogue_version,
            note=note.strip()[:NOTE_LENGTH],
            made_at=now,
            made_by=actor,
            **_told(trained),
        )
        ScorerArtefact.objects.create(tenant_id=tenant_id, scorer=scorer, content=trained.artefact)
        ScorerPicture.objects.bulk_create(
            ScorerPicture(tenant_id=tenant_id, scorer=scorer, name=name, language=language, svg=svg)
            for (name, language), svg in trained.pictures.items()
        )
        transaction.on_commit(lambda: scorer_record_quietly(scorer=scorer), robust=True)
    return scorer


def _told(trained: Trained) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(
        {
            "parameters": trained.parameters,
            "report": trained.report,
            "operating": trained.operating,
            "baseline": trained.baseline,
        }
    )
    names = ("data_from", "data_until", "known_on", "label_delay_days", "seed")
    return {**{name: getattr(trained, name) for name in names}, **plain}


def _check(trained: Trained) -> None:
    point = trained.operating
    if not 0 <= point.challenge <= point.deny <= 1 or not 0 <= point.weight <= 1 or not 0 <= point.alone_deny <= 1:
        raise ScorerIncomplete(ScorerIncomplete.message, problem="its thresholds are not in order between 0 and 1")
    if trained.data_from >= trained.data_until:
        raise ScorerIncomplete(ScorerIncomplete.message, problem="the period it learned from is empty")
