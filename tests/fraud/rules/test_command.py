"""`manage.py rules`: text out, text in, compared and put in force."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.compliance.models import AuditEntry, Tenant, User
from apps.compliance.services.demo import demo_seed
from apps.fraud.models import RuleSet, RuleVersion
from apps.fraud.selectors.rules import ruleset_active
from kivendtout.lib.tenancy import tenant_scope
from tests.fraud.rules.conftest import Cast

pytestmark = pytest.mark.django_db


def rules(*words: str, tenant: str = "kivendtout") -> dict[str, Any]:
    out = io.StringIO()
    call_command("rules", *words, "--tenant", tenant, "--json", stdout=out)
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


@pytest.fixture
def installed(in_tenant: Tenant) -> Tenant:
    rules("install")
    return in_tenant


@pytest.fixture
def folder(installed: Tenant, tmp_path: Path) -> Path:
    """The set in force as text, with one rule sharpened."""
    rules("export", "--out", str(tmp_path))
    file = tmp_path / "DEVICE_BURST.toml"
    file.write_text(file.read_text().replace("attempts = 2", "attempts = 6"))
    return tmp_path


def test_it_installs_the_recommended_set_and_says_what_is_in_force(in_tenant: Tenant) -> None:
    done = rules("install")
    assert (done["number"], done["name"], done["changed"]) == (1, "recommended", True)
    (listed,) = rules("list")["rulesets"]
    assert listed["active"]
    assert listed["digest"] == done["digest"]


def test_what_is_exported_is_what_shipped_and_importing_it_changes_nothing(
    installed: Tenant, tmp_path: Path, cast: Cast
) -> None:
    rules("export", "--out", str(tmp_path))
    (tmp_path / "ABROAD.toml").rename(tmp_path / "GONE.toml")
    written = rules("export", "--out", str(tmp_path))["written"]
    assert sorted(file.stem for file in tmp_path.iterdir()) == written
    assert rules("diff", "recommended", str(tmp_path))["diff"] == ""
    done = rules("import", str(tmp_path), "--author", cast["analyst"].email)
    assert (done["drafted"], len(done["unchanged"])) == ([], len(written))


def test_an_export_into_a_folder_of_something_else_removes_nothing(installed: Tenant, tmp_path: Path) -> None:
    other = tmp_path / "pyproject.toml"
    other.write_text('[project]\nname = "precious"\n')
    with pytest.raises(CommandError, match="is no rule"):
        rules("export", "--out", str(tmp_path))
    assert list(tmp_path.iterdir()) == [other]


def test_an_import_makes_drafts_and_leaves_what_decides_alone(folder: Path, cast: Cast) -> None:
    done = rules("import", str(folder), "--author", cast["analyst"].email, "--note", "fewer alarms")
    assert (done["drafted"], done["activated"], done["ruleset_number"]) == (["DEVICE_BURST"], [], None)
    draft = RuleVersion.objects.get(state="draft")
    assert (draft.parameters, draft.created_by, draft.change_note) == ({"attempts": 6}, cast["analyst"], "fewer alarms")
    assert RuleSet.objects.count() == 1
    assert rules("import", str(folder), "--author", cast["analyst"].email)["drafted"] == []


def test_an_import_goes_live_by_a_named_second_person(folder: Path, cast: Cast) -> None:
    people = ("--author", cast["analyst"].email, "--activate", "--approver", cast["lead"].email)
    done = rules("import", str(folder), *people)
    assert (done["activated"], done["ruleset_number"]) == (["DEVICE_BURST"], 2)
    live = RuleVersion.objects.get(rule__code="DEVICE_BURST", state="live")
    assert (live.created_by, live.approved_by) == (cast["analyst"], cast["lead"])
    entry = AuditEntry.objects.filter(content_type__model="ruleset").latest("pk")
    assert (entry.actor, entry.tenant) == (cast["lead"], live.tenant)
    diff = rules("diff", "1", "2")
    assert (diff["added"], diff["removed"], diff["changed"]) == ([], [], ["DEVICE_BURST"])
    assert "+attempts = 6" in diff["diff"].splitlines()


@pytest.mark.parametrize(
    ("author", "approver"), [("lead", "lead"), ("analyst", "analyst"), ("lead", "analyst"), ("read_only", "lead")]
)
def test_an_import_needs_two_people_with_their_rights(folder: Path, cast: Cast, author: str, approver: str) -> None:
    people = ("--author", cast[author].email, "--activate", "--approver", cast[approver].email)
    with pytest.raises(CommandError):
        rules("import", str(folder), *people)
    assert not RuleVersion.objects.filter(shipped=False).exists()


@pytest.mark.parametrize("extra", [["--activate"], ["--approver", "lead@kivendtout.example"]])
def test_going_live_needs_both_words(folder: Path, cast: Cast, extra: list[str]) -> None:
    with pytest.raises(CommandError, match="both"):
        rules("import", str(folder), "--author", cast["analyst"].email, *extra)


def test_the_outsider_is_nobody_here(folder: Path, cast: Cast, outsider: User) -> None:
    with pytest.raises(CommandError, match="Nobody of this tenant"):
        rules("import", str(folder), "--author", outsider.email)
    with pytest.raises(CommandError, match="Nobody of this tenant"):
        rules("publish", "1", "--approver", outsider.email)


def test_a_bad_rule_leaves_everything_as_it_was(folder: Path, cast: Cast) -> None:
    file = folder / "UNKNOWN_CARD.toml"
    file.write_text(file.read_text().replace("card_attempts_30d", "card_attemts_30d"))
    with pytest.raises(CommandError, match="Did you mean 'card_attempts_30d'"):
        rules("import", str(folder), "--author", cast["analyst"].email)
    assert not RuleVersion.objects.filter(state="draft").exists()


def test_it_puts_an_earlier_set_in_force_again(folder: Path, cast: Cast) -> None:
    rules("install", "--set", "kivendtout-original")
    rules("publish", "1", "--approver", cast["lead"].email)
    assert str(ruleset_active()) == "recommended #1"
    with pytest.raises(CommandError, match="does not let rules go live"):
        rules("publish", "2", "--approver", cast["analyst"].email)


def test_mistakes_are_told(installed: Tenant, tmp_path: Path) -> None:
    for words, told in (
        (("export", "--number", "9"), "no rule set #9"),
        (("diff", "1", str(tmp_path)), "holds no rule files"),
        (("diff", "1", str(tmp_path / "absent")), "holds no rule files"),
    ):
        with pytest.raises(CommandError, match=told):
            rules(*words)
    with pytest.raises(CommandError, match="no tenant"):
        rules("list", tenant="nobody")


def test_the_demo_begins_with_the_recommended_set_and_keeps_its_own(db: None) -> None:
    demo_seed(tenant_slug="demo")
    tenant = Tenant.objects.get(slug="demo")
    with tenant_scope(tenant.pk):
        assert str(ruleset_active()) == "recommended #1"
        rules("install", "--set", "kivendtout-original", tenant="demo")
        demo_seed(tenant_slug="demo")
        assert str(ruleset_active()) == "kivendtout-original #2"
