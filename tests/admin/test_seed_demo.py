"""The demo's accounts: one per role, made once, their passwords kept where only the owner reads."""

from __future__ import annotations

import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.compliance.models import ApiKey, User
from apps.compliance.roles import ROLES
from kivendtout.lib.tenancy import across_tenants


def seed_all(*args: str) -> dict[str, list[dict[str, Any]]]:
    out = StringIO()
    call_command("seed_demo", "--json", *args, stdout=out)
    return json.loads(out.getvalue())


def seed(*args: str) -> list[dict[str, Any]]:
    return seed_all(*args)["accounts"]


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


@pytest.mark.django_db
def test_it_makes_a_live_and_a_sandbox_key_and_keeps_them(tmp_path: Path) -> None:
    path = str(tmp_path / "accounts.json")
    first = seed_all("--passwords", path)["api_keys"]
    assert [(one["key"][:9], one["sandbox"]) for one in first] == [("kvt_live_", False), ("kvt_test_", True)]
    second = seed_all("--passwords", path)["api_keys"]
    assert [one["key"] for one in second] == [one["key"] for one in first]
    assert not any(one["created"] for one in second)


@pytest.mark.django_db
def test_a_lost_file_means_new_keys_and_the_lost_ones_are_revoked(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    first = seed_all("--passwords", str(path))["api_keys"]
    path.unlink()
    second = seed_all("--passwords", str(path))["api_keys"]
    assert {one["key"] for one in first}.isdisjoint(one["key"] for one in second)
    with across_tenants():
        assert ApiKey.objects.filter(revoked_at=None).count() == len(second)


@pytest.mark.django_db
def test_a_file_without_keys_gets_some_and_its_passwords_stay(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    first = seed("--passwords", str(path))
    path.write_text(json.dumps({"accounts": first}))
    again = seed_all("--passwords", str(path))
    assert [one["password"] for one in again["accounts"]] == [one["password"] for one in first]
    assert all(one["key"] for one in again["api_keys"])


@pytest.mark.django_db
def test_without_a_file_existing_keys_are_not_told() -> None:
    assert all(one["key"] for one in seed_all()["api_keys"])
    assert [one["key"] for one in seed_all()["api_keys"]] == [None, None]
