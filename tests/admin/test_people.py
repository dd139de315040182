"""An administrator manages people, and cannot make themselves or anybody more than a role allows."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.compliance.models import Tenant, User
from tests.admin.conftest import ClientOf
from tests.admin.pages import object_url
from tests.conftest import PASSWORD as CAST_PASSWORD
from tests.conftest import make_person

PASSWORD = "a-long-enough-secret-7"


def role(code: str) -> Group:
    return Group.objects.get(name=code)


def form(user: User, **changed: object) -> dict[str, object]:
    return {"email": user.email, "full_name": "", "is_active": "on", "groups": [], "time_zone": "", **changed}


def test_an_administrator_adds_a_colleague_of_the_same_tenant(
    client_of: ClientOf, tenant: Tenant, neighbour: Tenant
) -> None:
    sent = {"email": "New@Person.example", "full_name": "New", "groups": [role("analyst").pk], "tenant": neighbour.pk,
            "password1": PASSWORD, "password2": PASSWORD, "is_superuser": "on"}  # fmt: skip
    assert client_of("administrator").post("/admin/compliance/user/add/", sent).status_code == 302
    person = User.objects.get(email="new@person.example")
    assert (person.tenant, person.is_staff, person.is_superuser) == (tenant, True, False)
    assert person.check_password(PASSWORD)
    assert [group.name for group in person.groups.all()] == ["analyst"]


def test_the_staff_flag_follows_the_roles(client_of: ClientOf, cast: dict[str, User]) -> None:
    client, analyst = client_of("administrator"), cast["analyst"]
    client.post(object_url(analyst), form(analyst, groups=[role("partner").pk]))
    analyst.refresh_from_db()
    assert not analyst.is_staff


def test_forged_fields_give_no_rights(client_of: ClientOf, cast: dict[str, User], neighbour: Tenant) -> None:
    reveal = Permission.objects.get(codename="reveal_personal_data")
    sent = form(
        cast["read_only"], is_superuser="on", is_staff="on", user_permissions=[reveal.pk], tenant=neighbour.pk,
        groups=[role("read_only").pk],
    )  # fmt: skip
    assert client_of("administrator").post(object_url(cast["read_only"]), sent).status_code == 302
    person = User.objects.get(pk=cast["read_only"].pk)
    assert not person.is_superuser
    assert not person.user_permissions.exists()
    assert person.tenant == cast["administrator"].tenant


def test_a_group_outside_the_catalogue_cannot_be_given(client_of: ClientOf, cast: dict[str, User]) -> None:
    rogue = Group.objects.create(name="rogue")
    answer = client_of("administrator").post(object_url(cast["analyst"]), form(cast["analyst"], groups=[rogue.pk]))
    assert answer.status_code == 200
    assert not cast["analyst"].groups.filter(pk=rogue.pk).exists()


def test_nobody_changes_their_own_roles(client_of: ClientOf, cast: dict[str, User]) -> None:
    me = cast["administrator"]
    client_of("administrator").post(object_url(me), form(me, groups=[role("lead").pk], full_name="Still me"))
    me.refresh_from_db()
    assert me.full_name == "Still me"
    assert [group.name for group in me.groups.all()] == ["administrator"]


def test_superusers_are_out_of_an_administrators_reach(client_of: ClientOf, tenant: Tenant) -> None:
    boss = User.objects.create_superuser("boss@maison.example", PASSWORD, tenant=tenant)
    client = client_of("administrator")
    assert client.post(object_url(boss), form(boss, full_name="Mine now")).status_code == 403
    new = {"password1": "another-long-secret-8", "password2": "another-long-secret-8"}
    assert client.post(f"/admin/compliance/user/{boss.pk}/password/", new).status_code == 403
    boss.refresh_from_db()
    assert boss.check_password(PASSWORD)
    assert boss.full_name == ""


def test_an_outsiders_password_cannot_be_set(client_of: ClientOf, outsider: User) -> None:
    new = {"password1": PASSWORD, "password2": PASSWORD}
    assert client_of("administrator").post(f"/admin/compliance/user/{outsider.pk}/password/", new).status_code != 200
    outsider.refresh_from_db()
    assert not outsider.check_password(PASSWORD)


def test_accounts_are_closed_not_deleted(client_of: ClientOf, cast: dict[str, User]) -> None:
    client = client_of("administrator")
    client.post(
        "/admin/compliance/user/", {"action": "delete_selected", "_selected_action": [cast["lead"].pk], "post": "yes"}
    )
    assert User.objects.filter(pk=cast["lead"].pk).exists()


@pytest.mark.parametrize("code", ["lead", "compliance_officer"])
def test_those_who_may_look_at_people_change_none(code: str, client_of: ClientOf, cast: dict[str, User]) -> None:
    client, analyst = client_of(code), cast["analyst"]
    assert client.get(object_url(analyst)).status_code == 200
    assert client.post(object_url(analyst), form(analyst, full_name="Changed")).status_code == 403


def test_an_administrator_sees_and_sets_only_their_own_tenant(
    client_of: ClientOf, tenant: Tenant, neighbour: Tenant
) -> None:
    client = client_of("administrator")
    assert "Voisin" not in client.get("/admin/compliance/tenant/").content.decode()
    assert client.get(object_url(neighbour)).status_code == 302
    sent = {"name": "Chez nous", "locale": "fr", "time_zone": "Europe/Paris", "challenge_threshold": "0.4",
            "deny_threshold": "0.8", "scorer_weight": "0.5", "slug": "stolen"}  # fmt: skip
    assert client.post(object_url(tenant), sent).status_code == 302
    tenant.refresh_from_db()
    assert (tenant.name, tenant.slug) == ("Chez nous", "kivendtout")


def test_jobs_are_switched_by_superusers_only(client_of: ClientOf, tenant: Tenant) -> None:
    """They serve every tenant, so no tenant's administrator stops them."""
    every = IntervalSchedule.objects.create(every=1, period="hours")
    job = PeriodicTask.objects.create(name="job", task="payments.make_partitions", interval=every)
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss@maison.example", PASSWORD, tenant=tenant))
    sent = {"action": "switch_off", "_selected_action": [job.pk]}
    for client, enabled in ((client_of("developer"), True), (client_of("administrator"), True), (boss, False)):
        client.post("/admin/django_celery_beat/periodictask/", sent)
        job.refresh_from_db()
        assert job.enabled is enabled


def test_the_admin_site_has_no_sign_in_of_its_own(neighbour: Tenant) -> None:
    """One sign-in for the whole product: what is added to it later (a second factor) then guards this too."""
    person, client = make_person(neighbour, "analyst"), Client()
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/")
    answer = client.post(
        answer.redirect_chain[-1][0], {"username": person.email, "password": CAST_PASSWORD}, follow=True
    )
    assert answer.request["PATH_INFO"] == "/admin/"


def test_a_partner_is_not_sent_round_in_circles(cast: dict[str, User]) -> None:
    client = Client()
    client.force_login(cast["partner"])
    assert client.get("/admin/", follow=True).status_code == 403
