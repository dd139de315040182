from __future__ import annotations

import json

import pytest
from auditlog.registry import auditlog
from django.contrib.admin import site
from django.contrib.auth.models import Group
from django.test import Client
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.compliance.audit import MASK, audit_actor
from apps.compliance.models import AuditEntry, Tenant, User
from apps.compliance.models.base import NONE
from apps.compliance.roles import ROLES
from apps.customers.models import Customer
from kivendtout.lib.tenancy import tenant_scope
from kivendtout.lib.trace import trace_scope
from tests.conftest import PASSWORD
from tests.factories import make_customer, make_method

PLAIN = {"first_name": "Zoé", "last_name": "Lefèvre", "email": "zoe@example.org", "phone": "+33612345678"}


def everything_written() -> str:
    return json.dumps(list(AuditEntry.objects.values()), default=str, ensure_ascii=False)


def test_each_model_that_people_change_is_audited_with_its_classified_fields_masked() -> None:
    for model in auditlog.get_models():
        if not model.__module__.startswith("apps."):
            continue
        fields = auditlog.get_model_fields(model)
        expected = {name for name, kind in model.CLASSIFICATION.items() if kind != NONE}
        assert expected <= {*fields["mask_fields"], *fields["exclude_fields"]}, model


def test_people_customers_payments_and_their_tables_are_audited() -> None:
    audited = {model._meta.label for model in auditlog.get_models()}
    wanted = {
        "compliance.User",
        "compliance.Tenant",
        "customers.Customer",
        "customers.Address",
        "payments.Payment",
        "payments.Merchant",
        "payments.Product",
        "payments.PaymentMethod",
        "fraud.FraudAlert",
    }
    assert wanted <= audited


def test_personal_and_card_data_never_reach_the_audit_log(in_tenant: Tenant) -> None:
    customer = make_customer(in_tenant, **PLAIN)
    make_method(customer, bin="497010", last_four="7788")
    customer.email = "zoe.new@example.org"
    customer.save()
    written = everything_written()
    for secret in [*PLAIN.values(), "zoe.new", "497010", "7788"]:
        assert secret not in written
    assert MASK in written


def test_an_entry_names_actor_tenant_trace_and_hashed_address(in_tenant: Tenant, analyst: User) -> None:
    with trace_scope("ab" * 16), audit_actor(actor=analyst, tenant_id=in_tenant.pk, address_hash="feed"):
        customer = make_customer(in_tenant)
    entry = AuditEntry.objects.get_for_object(customer).get()
    assert (entry.actor, entry.tenant_id, entry.cid, entry.address_hash) == (analyst, in_tenant.pk, "ab" * 16, "feed")
    assert entry.remote_addr is None


def test_a_request_is_audited_with_a_hash_of_its_address_and_not_the_address(client: Client, analyst: User) -> None:
    client.post("/accounts/login/", {"username": analyst.email, "password": PASSWORD}, REMOTE_ADDR="203.0.113.77")
    entry = AuditEntry.objects.filter(object_pk=str(analyst.pk)).latest("id")
    assert entry.address_hash
    assert "203.0.113.77" not in everything_written()


@pytest.mark.parametrize("value", ["5", "long value", "4970101234567890"])
def test_the_mask_shows_nothing_of_the_value(value: str) -> None:
    from apps.compliance.audit import mask_fully

    assert mask_fully(value) == MASK


def test_a_failed_transaction_leaves_no_entry(in_tenant: Tenant) -> None:
    from django.db import transaction

    with pytest.raises(RuntimeError), transaction.atomic():
        make_customer(in_tenant)
        raise RuntimeError
    with tenant_scope(in_tenant.pk):
        assert not Customer.objects.exists()
    assert not AuditEntry.objects.filter(content_type__model="customer").exists()


def test_who_was_given_which_role_is_on_record(tenant: Tenant, analyst: User) -> None:
    group = Group.objects.get(name="lead")
    analyst.groups.add(group)
    entry = AuditEntry.objects.filter(object_pk=str(analyst.pk)).latest("id")
    assert entry.changes["groups"]["operation"] == "add"
    assert entry.changes["groups"]["objects"] == ["lead"]


def test_a_persons_name_is_not_the_title_of_an_entry(tenant: Tenant) -> None:
    person = User.objects.create_user("zoe@kvt.example", PASSWORD, tenant=tenant, full_name="Zoé Secret")
    person.time_zone = "Europe/Paris"
    person.save()
    assert "Zoé" not in everything_written()
    assert "zoe@kvt.example" not in everything_written()


def test_switching_a_job_off_is_on_record_and_its_own_runs_are_not(db: None) -> None:
    every = IntervalSchedule.objects.create(every=5, period="minutes")
    job = PeriodicTask.objects.create(name="nightly", task="payments.make_partitions", interval=every)
    before = AuditEntry.objects.count()
    job.total_run_count += 1
    job.save()
    assert AuditEntry.objects.count() == before
    job.enabled = False
    job.save()
    assert AuditEntry.objects.latest("id").changes["enabled"] == ["True", "False"]


def test_every_model_that_the_admin_site_changes_is_audited() -> None:
    changeable = {
        model
        for model, model_admin in site._registry.items()
        for verb in ("add", "change")
        if f"{model._meta.app_label}.{verb}_{model._meta.model_name}" in {p for role in ROLES for p in role.permissions}
    }
    assert changeable <= set(auditlog.get_models())
