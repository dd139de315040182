"""A trained scorer is numbered, kept byte for byte, and refused when it could not decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import IntegrityError, transaction

from apps.compliance.models import AuditEntry, Tenant
from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.models import Scorer, ScorerArtefact, ScorerPicture
from apps.fraud.scorers.artefact import Artefact, ArtefactRefused, Column, ScorerMismatch, artefact_read
from apps.fraud.scorers.scorer import Scorer as Loaded
from apps.fraud.scorers.trained import Operating
from apps.fraud.services.scorer_register import ScorerIncomplete, scorer_register
from tests.conftest import make_person
from tests.scorers.small import NOON, small_rows, small_scorer, small_trained


def test_scorers_are_numbered_in_a_row_and_begin_as_candidates(in_tenant: Tenant) -> None:
    first, second = small_scorer(in_tenant), small_scorer(in_tenant, trained=small_trained(seed=8))
    assert [(one.number, one.stage) for one in (first, second)] == [(1, "candidate"), (2, "candidate")]
    assert first.digest != second.digest


def test_what_is_kept_gives_the_same_probabilities_as_what_was_trained(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    rows, _truth = small_rows(50, seed=3)
    kept = bytes(ScorerArtefact.objects.get(scorer=scorer).content)
    again = Loaded(kept, digest=scorer.digest)
    assert again.probabilities(rows) == Loaded(small_trained().artefact).probabilities(rows)
    assert ScorerPicture.objects.filter(scorer=scorer).count() == len(small_trained().pictures)


def test_the_small_scorer_tells_frauds_from_the_rest(in_tenant: Tenant) -> None:
    assert small_scorer(in_tenant).report["measures"]["auc"] > 0.8


def test_the_same_seed_gives_the_same_bytes() -> None:
    again = small_trained.__wrapped__(seed=7)
    assert again.artefact == small_trained().artefact


def test_it_is_in_the_audit_trail_without_its_bytes(in_tenant: Tenant) -> None:
    lead = make_person(in_tenant, "lead")
    scorer = small_scorer(in_tenant, actor=lead, note="  first try ")
    assert (scorer.made_by, scorer.note) == (lead, "first try")
    entry = AuditEntry.objects.get(content_type__model="scorer", object_pk=str(scorer.pk))
    assert entry.changes["digest"][1] == scorer.digest
    assert "baseline" not in entry.changes


def test_what_a_scorer_is_never_changes(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    changes: tuple[dict[str, Any], ...] = ({"digest": "0" * 64}, {"operating": {}}, {"number": 9})
    for change in changes:
        with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
            Scorer.objects.filter(pk=scorer.pk).update(**change)
    with pytest.raises(IntegrityError, match="neither edited"), transaction.atomic():
        ScorerArtefact.objects.filter(scorer=scorer).update(content=b"other")


def test_a_scorer_of_another_catalogue_is_refused_and_the_difference_named(in_tenant: Tenant) -> None:
    artefact = artefact_read(small_trained().artefact)
    changed = msgspec.structs.replace(
        artefact.header,
        columns=(Column("gone", "number"), Column("hour", "integer", CATALOGUE["hour"].version + 1),
                 *artefact.header.columns[2:]),
    )  # fmt: skip
    trained = replace(small_trained(), artefact=Artefact(changed, artefact.booster).encoded())
    with pytest.raises(ScorerMismatch) as refused:
        scorer_register(tenant_id=in_tenant.pk, trained=trained, actor=None, now=NOON)
    assert "gone is not in the catalogue; hour was version 2 and is 1" in refused.value.message
    assert not Scorer.objects.exists()


@pytest.mark.parametrize(
    "spoil", [lambda told: told[:-9], lambda _told: b"", lambda told: told.replace(b"learner", b"xearner")]
)
def test_a_damaged_artefact_is_refused(in_tenant: Tenant, spoil: object) -> None:
    trained = replace(small_trained(), artefact=spoil(small_trained().artefact))  # type: ignore[operator]
    with pytest.raises(ArtefactRefused):
        scorer_register(tenant_id=in_tenant.pk, trained=trained, actor=None, now=NOON)


@pytest.mark.parametrize(
    "point", [Operating(challenge=0.9, deny=0.2, weight=0.5, alone_deny=0.5),
              Operating(challenge=0.1, deny=0.2, weight=1.5, alone_deny=0.5),
              Operating(challenge=float("nan"), deny=0.2, weight=0.5, alone_deny=0.5)],
)  # fmt: skip
def test_thresholds_out_of_order_are_refused(in_tenant: Tenant, point: Operating) -> None:
    with pytest.raises(ScorerIncomplete, match="not in order"):
        scorer_register(tenant_id=in_tenant.pk, trained=replace(small_trained(), operating=point), actor=None, now=NOON)


def test_a_period_that_is_empty_is_refused(in_tenant: Tenant) -> None:
    trained = replace(small_trained(), data_until=NOON - timedelta(days=90))
    with pytest.raises(ScorerIncomplete, match="period"):
        scorer_register(tenant_id=in_tenant.pk, trained=trained, actor=None, now=NOON)


def test_whatever_goes_wrong_in_telling_the_registry_the_scorer_is_registered(
    in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def breaks(**_scorer: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("apps.fraud.services.scorer_register.scorer_record_quietly", breaks)
    with django_capture_on_commit_callbacks(execute=True):
        scorer = small_scorer(in_tenant)
    assert Scorer.objects.get() == scorer
