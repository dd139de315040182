from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.models import ListEntry
from kivendtout.lib.tenancy import tenant_scope
from tests.fraud.lists.conftest import ListMaker
from tests.fraud.lists.test_services import add


def run(*words: object) -> dict[str, object]:
    out = StringIO()
    call_command("lists", *map(str, words), "--json", stdout=out)
    told: dict[str, object] = json.loads(out.getvalue())
    return told


def test_a_file_is_previewed_then_imported_by_a_named_colleague(
    make_list: ListMaker, tenant: Tenant, lead: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_list("country", code="risky")
    file = tmp_path / "list.csv"
    file.write_text("value,reason\nKP,Embargo\nFrance,Why\n", encoding="utf-8")
    words = ("import", "risky", file, "--tenant", tenant.slug, "--by", lead.email)
    told = run(*words, "--preview")
    assert (told["new"], told["invalid"], told["added"]) == (1, 1, 0)
    assert "line 3: This is not a country code." in capsys.readouterr().err
    assert run(*words)["added"] == 1
    entry = AuditEntry.objects.filter(content_type__model="fraudlist", action=AuditEntry.Action.UPDATE).get()
    assert entry.actor == lead


def test_an_export_comes_back_and_no_cell_of_it_is_a_formula(
    make_list: ListMaker, tenant: Tenant, lead: User, tmp_path: Path
) -> None:
    customers = make_list("customer", code="customers")
    for value in ("=1+1", "@SUM(A1)", "C00042"):
        add(customers, value, lead)
    file = tmp_path / "out.csv"
    words = ("customers", file, "--tenant", tenant.slug)
    assert run("export", *words)["entries"] == 3
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["value", "'=1+1", "'@SUM(A1)", "C00042"]
    told = run("import", *words, "--by", lead.email, "--preview")
    assert (told["already"], told["new"], told["invalid"]) == (3, 0, 0)


def test_hidden_values_leave_as_hints(make_list: ListMaker, tenant: Tenant, lead: User, tmp_path: Path) -> None:
    add(make_list("email", code="emails"), "zoe@courriel.example", lead)
    run("export", "emails", tmp_path / "out.csv", "--tenant", tenant.slug)
    text = (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert "•••@courriel.example" in text
    assert "zoe" not in text


def test_what_cannot_be_done_is_said(
    make_list: ListMaker, tenant: Tenant, neighbour: Tenant, outsider: User, analyst: User, tmp_path: Path
) -> None:
    make_list("country", code="risky")
    file = tmp_path / "list.csv"
    file.write_text("value,reason\nKP,Embargo\n", encoding="utf-8")
    mine, theirs = ("--tenant", tenant.slug), ("--tenant", neighbour.slug)
    for words, said in (
        (("export", "nothing", file, *mine), "There is no list 'nothing'. The lists are: risky."),
        (("export", "risky", file, *theirs), "The lists are: none."),
        (("export", "risky", file, "--tenant", "nowhere"), "There is no tenant 'nowhere'"),
        (("export", "risky", tmp_path, *mine), "cannot be written"),
        (("import", "risky", tmp_path, *mine, "--by", analyst.email), "cannot be read"),
        (("import", "risky", file, *mine, "--by", "nobody@kvt.example"), "Nobody has the e-mail"),
        (("import", "risky", file, *mine, "--by", analyst.email), "Your role does not change this list"),
        (("import", "risky", file, *mine, "--by", outsider.email), "Your role does not change this list"),
    ):
        with pytest.raises(CommandError, match=said.replace("'", ".")):
            run(*words)
    with tenant_scope(tenant.pk):
        assert not ListEntry.objects.exists()
