"""train_scorer and evaluate_scorer, as they are typed."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.compliance.models import Tenant
from apps.fraud.models import Scorer, ScorerArtefact, ScorerPicture
from apps.fraud.scorers.artefact import digest_of
from kivendtout.lib.tenancy import tenant_scope

QUICK = ("--trials", "1", "--threads", "1", "--seed", "5", "-v0")


def typed(*words: Any) -> str:
    out = StringIO()
    call_command(*map(str, words), stdout=out, stderr=StringIO())
    return out.getvalue()


def test_a_file_is_trained_on_and_evaluated_without_a_database(matrix: Path, tmp_path: Path) -> None:
    out = tmp_path / "scorer"
    costs = tmp_path / "costs.toml"
    costs.write_text("analyst_minutes = 10")
    told = json.loads(
        typed("train_scorer", "--matrix", matrix, "--no-register", "--out", out, "--costs", costs, "--json", *QUICK)
    )
    assert told["trials"] == 1
    assert told["report"]["chosen"]["costs"]["analyst_minutes"] == 10
    assert {"scorer.kvt", "report.json", "operating.json", "money.fr.svg", "money.en.svg"} <= set(told["files"])
    assert digest_of((out / "scorer.kvt").read_bytes()) == told["digest"]
    kept = json.loads((out / "report.json").read_text())
    assert kept["report"] == told["report"]
    since = told["report"]["periods"]["test"]["from"]
    found = json.loads(
        typed("evaluate_scorer", "--artefact", out / "scorer.kvt", "--matrix", matrix, "--from", since, "--json")
    )
    assert {
        "rows",
        "frauds",
        "auc_roc",
        "average_precision",
        "recall_at_fpr_2pct",
        "card_precision_100",
        "brier",
    } <= set(found)
    assert found["rows"] >= told["rows"]
    assert "payments" in typed("evaluate_scorer", "--artefact", out / "scorer.kvt", "--matrix", matrix)


@pytest.mark.django_db
def test_a_scorer_is_registered_as_a_candidate_with_its_pictures(tenant: Tenant, matrix: Path) -> None:
    said = typed("train_scorer", "--tenant", tenant.slug, "--matrix", matrix, "--note", "autumn", *QUICK)
    assert "Scorer #1 is a candidate." in said
    for line in ("scorer ", "as it decides ", "rules kivendtout-original ", "rules recommended ", "regression "):
        assert f"\n{line}" in said
    with tenant_scope(tenant.pk):
        scorer = Scorer.objects.get()
        assert (scorer.stage, scorer.note, scorer.made_by) == ("candidate", "autumn", None)
        assert digest_of(bytes(ScorerArtefact.objects.get(scorer=scorer).content)) == scorer.digest
        assert ScorerPicture.objects.filter(scorer=scorer).count() == 12
    found = json.loads(typed("evaluate_scorer", "--scorer", 1, "--tenant", tenant.slug, "--matrix", matrix, "--json"))
    assert found["auc_roc"] > 0.85


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--from", "2025-09-03"), "choose among stored payments; a file is taken whole"),
        (("--no-register",), "the scorer would be lost. Give a folder with --out"),
        (("--no-register", "--out", "OUT", "--features", "amount_ratio,is_fraud"), "cannot learn from is_fraud"),
        (("--no-register", "--out", "OUT", "--label-delay", "40"), "with 40 days between"),
        (("--no-register", "--out", "OUT", "--costs", "OUT/none.toml"), "cannot be read: No such file"),
        (("--no-register", "--out", "OUT", "--known-on", "soon"), "--known-on takes a day or a moment"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    matrix: Path, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    asked = [word.replace("OUT", str(tmp_path)) for word in words]
    with pytest.raises(CommandError, match=sentence):
        typed("train_scorer", "--matrix", matrix, *asked, *QUICK)


@pytest.mark.django_db
def test_a_scorer_that_is_not_there_cannot_be_evaluated(tenant: Tenant, matrix: Path) -> None:
    with pytest.raises(CommandError, match="There is no scorer #7"):
        typed("evaluate_scorer", "--scorer", "7", "--tenant", tenant.slug, "--matrix", matrix)
    with pytest.raises(CommandError, match="cannot be read"):
        typed("evaluate_scorer", "--artefact", "nowhere.kvt", "--matrix", matrix)
