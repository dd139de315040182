"""The demo's accounts: one per role, made once, their passwords kept where only the owner reads."""

from __future__ import annotations

import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.compliance.models import User
from apps.compliance.roles import ROLES


def seed(*args: str) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("seed_demo", "--json", *args, stdout=out)
    return json.loads(out.getvalue())["accounts"]


@pytest.mark.django_db
def test_it_makes_one_account_per_role(tmp_path: Path) -> None:
    accounts = seed("--passwords", str(tmp_path / "accounts.json"))
    assert [account["role"] for account in accounts] == [role.code for role in ROLES]
    assert all(account["created"] and len(account["password"]) >= 16 for account in accounts)
    assert len({account["password"] for account in accounts}) == len(accounts)
    for account in accounts:
        user = User.objects.get(email=account["email"])
        assert user.check_password(account["password"])
        assert user.is_staff is (account["role"] != "partner")
        assert not user.is_superuser
    assert stat.S_IMODE((tmp_path / "accounts.json").stat().st_mode) == 0o600


@pytest.mark.django_db
def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "accounts.json")
    first = seed("--passwords", path)
    second = seed("--passwords", path)
    assert [(one["email"], one["password"]) for one in first] == [(one["email"], one["password"]) for one in second]
    assert not any(one["created"] for one in second)


@pytest.mark.django_db
def test_a_lost_file_means_new_passwords(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    first = seed("--passwords", str(path))
    path.unlink()
    second = seed("--passwords", str(path))
    assert all(old["password"] != new["password"] for old, new in zip(first, second, strict=True))
    assert User.objects.get(email=second[0]["email"]).check_password(second[0]["password"])
    assert json.loads(path.read_text())["accounts"][0]["password"] == second[0]["password"]


@pytest.mark.django_db
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    path.write_text("[]")
    with pytest.raises(CommandError, match="Delete it"):
        seed("--passwords", str(path))


@pytest.mark.django_db
def test_without_a_file_existing_passwords_stay() -> None:
    first = seed()
    second = seed()
    assert [account["password"] for account in second] == [None] * len(ROLES)
    assert User.objects.get(email=first[0]["email"]).check_password(first[0]["password"])
