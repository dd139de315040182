"""The command does what the pages do, as a named person with that person's rights."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.models import ActiveScorer, Scorer
from tests.conftest import make_person
from tests.scorers.decided import decided
from tests.scorers.small import NOON, small_scorer, small_trained


@pytest.fixture
def people(in_tenant: Tenant) -> dict[str, User]:
    return {role: make_person(in_tenant, role) for role in ("analyst", "lead", "read_only")}


def run(*words: str) -> Any:
    out = StringIO()
    call_command("scorers", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def said(*words: str) -> str:
    out = StringIO()
    call_command("scorers", *words, stdout=out)
    return out.getvalue()


def test_from_a_candidate_to_production_and_back(in_tenant: Tenant, people: dict[str, User]) -> None:
    small_scorer(in_tenant, note="First")
    analyst, lead = ("--as", people["analyst"].email), ("--as", people["lead"].email)
    assert run("shadow", "1", *analyst)["stage"] == "shadow"
    change = run("propose", "1", *analyst, "--note", "Better", "--deny", "0.5")
    assert (change["state"], change["after"]["deny"], change["statement"]["source"]) == ("open", 0.5, "report")
    with pytest.raises(CommandError, match="Ask a team lead"):
        run("approve", str(change["change"]), *analyst)
    run("approve", str(change["change"]), *lead)
    assert run("list")["decides"] == 1
    assert "* " in said("list")
    assert "deny 0.6" in said("thresholds", "--deny", "0.6", *lead)
    assert run("go-back", *lead)["after"]["deny"] == 0.5
    assert "The rules decide alone now" in said("go-back", *lead)
    assert ActiveScorer.objects.get().scorer is None
    entries = AuditEntry.objects.filter(content_type__model="scorerchange", actor=people["lead"])
    assert entries.count() == 4


def test_a_proposal_says_what_will_change(in_tenant: Tenant, people: dict[str, User]) -> None:
    from kivendtout.lib.clock import now

    small_scorer(in_tenant)
    decided(in_tenant, ends=now(), count=60, days=3)
    text = said("propose", "1", "--as", people["analyst"].email)
    assert "customers declined" in text
    assert "From 60 of about 60 payments" in text


def test_a_scorer_travels_as_one_file(
    in_tenant: Tenant, neighbour: Tenant, people: dict[str, User], tmp_path: Path
) -> None:
    small_scorer(in_tenant, note="Travels")
    file = str(tmp_path / "one.kvt")
    run("export", "1", "--out", file)
    with pytest.raises(CommandError, match=r"it is #1\. Nothing was imported"):
        run("import", file, "--as", people["lead"].email)
    there = make_person(neighbour, "lead")
    made = run("import", file, "--as", there.email, "--tenant", neighbour.slug)
    assert (made["number"], made["note"], made["digest"]) == (1, "Travels", Scorer.objects.get().digest)
    Path(file).write_bytes(b"something else")
    with pytest.raises(CommandError, match="no exported scorer"):
        run("import", file, "--as", there.email, "--tenant", neighbour.slug)


def test_what_is_wrong_is_told_in_a_sentence(in_tenant: Tenant, people: dict[str, User]) -> None:
    small_scorer(in_tenant, trained=small_trained(seed=8))
    for words, sentence in (
        (("show", "7"), "There is no scorer #7"),
        (("shadow", "1", "--as", "nobody@nowhere.example"), "Nobody of this tenant"),
        (("shadow", "1", "--as", people["read_only"].email), "does not propose scorers"),
        (("approve", "99", "--as", people["lead"].email), "There is no change 99"),
        (("export", "1", "--out", "/no/such/folder/file"), "No such file"),
        (("go-back", "--as", people["lead"].email), "nothing to go back to"),
    ):
        with pytest.raises(CommandError, match=sentence):
            run(*words)


def test_those_on_trial_are_compared_with_what_decides(in_tenant: Tenant, people: dict[str, User]) -> None:
    assert "No scorer is on trial" in said("compare")
    small_scorer(in_tenant)
    run("shadow", "1", "--as", people["analyst"].email)
    assert "Too few labels yet" in said("compare")
    assert run("compare")["comparisons"][0]["verdict"] == "too_few"
    assert "recall_at_2" in said("show", "1")
    assert NOON.strftime("%Y-%m-%d") in said("list")
