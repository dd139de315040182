from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission

from apps.compliance.models import Tenant, User
from apps.compliance.roles import REVEAL, ROLES, sync_roles


def test_each_role_of_the_catalogue_is_a_group_with_exactly_its_permissions(db: None) -> None:
    for role in ROLES:
        held = {
            f"{app}.{code}"
            for app, code in Group.objects.get(name=role.code).permissions.values_list(
                "content_type__app_label", "codename"
            )
        }
        assert held == set(role.permissions), role.code


def test_a_permission_added_by_hand_does_not_survive_the_next_migration(db: None) -> None:
    group = Group.objects.get(name="read_only")
    group.permissions.add(Permission.objects.get(codename="change_payment_status"))
    sync_roles()
    assert not group.permissions.filter(codename="change_payment_status").exists()


@pytest.mark.parametrize("role", ["administrator", "developer", "read_only", "partner"])
def test_roles_that_do_not_judge_cases_reveal_nothing(cast: dict[str, User], role: str) -> None:
    assert not cast[role].has_perm(REVEAL)


@pytest.mark.parametrize("role", ["analyst", "lead", "compliance_officer"])
def test_roles_that_judge_or_answer_for_cases_may_reveal(cast: dict[str, User], role: str) -> None:
    assert cast[role].has_perm(REVEAL)


def test_nobody_may_delete_a_payment_or_its_history(cast: dict[str, User]) -> None:
    for person in cast.values():
        assert not person.has_perm("payments.delete_payment")
        assert not person.has_perm("payments.delete_paymentstatechange")
        assert not person.has_perm("payments.change_payment")


def test_an_e_mail_signs_in_once_whatever_its_case(tenant: Tenant) -> None:
    from django.core.exceptions import ValidationError

    User.objects.create_user("Anna@kvt.example", "x" * 14, tenant=tenant)
    with pytest.raises(ValidationError):
        User.objects.create_user("ANNA@KVT.example", "x" * 14, tenant=tenant)
