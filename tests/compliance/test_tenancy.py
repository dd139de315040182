from __future__ import annotations

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from apps.compliance.models import Tenant
from apps.compliance.models.base import TenantForeignKey, TenantManager, TenantModel
from apps.customers.models import Address, Customer
from kivendtout.lib.errors import TenantNotSet
from kivendtout.lib.tenancy import across_tenants, tenant_scope
from tests.factories import NOON, make_customer, make_method, make_payment

TENANT_MODELS = [model for model in apps.get_models() if issubclass(model, TenantModel)]
# Tables that belong to no tenant, each for a reason.
SHARED = {
    "compliance.Tenant": "it is the tenant",
    "compliance.User": "signs in before the tenant is known; its admin scopes it",
    "compliance.AuditEntry": "read through its admin, which scopes it",
    "fraud.DeadLetter": "a message may name no tenant, which may be its very fault; its admin scopes it",
    "fraud.FeatureCatalogue": "the names of features are the code's, the same for all",
    "fraud.OutboxLane": "a destination is the installation's; its messages name their tenants",
    "payments.Currency": "ISO 4217",
    "payments.PaymentStatus": "one state machine for all",
    "payments.PaymentTransition": "one state machine for all",
}


def test_every_table_of_ours_belongs_to_a_tenant_or_says_why_not() -> None:
    ours = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
    assert {model._meta.label for model in ours if model not in TENANT_MODELS} == set(SHARED)


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)
def test_without_a_tenant_no_row_is_read(model: type[models.Model]) -> None:
    assert isinstance(model._default_manager, TenantManager)
    with pytest.raises(TenantNotSet, match=model._meta.label):
        model._default_manager.all()


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)
def test_a_query_names_its_tenant(db: None, model: type[models.Model]) -> None:
    with tenant_scope(7):
        assert 'tenant_id" = 7' in str(model._default_manager.all().query)


def test_each_tenant_sees_its_own_rows_only(tenant: Tenant, neighbour: Tenant) -> None:
    ours, theirs = make_customer(tenant), make_customer(neighbour)
    with tenant_scope(tenant.pk):
        assert list(Customer.objects.all()) == [ours]
        assert not Customer.objects.filter(pk=theirs.pk).exists()
    with across_tenants():
        assert Customer.objects.count() == 2


def test_reverse_relations_stay_in_the_tenant(tenant: Tenant, neighbour: Tenant) -> None:
    customer = make_customer(tenant)
    make_payment(tenant, customer=customer)
    with tenant_scope(neighbour.pk):
        assert customer.payments.count() == 0


def test_a_row_is_saved_for_the_tenant_in_force(in_tenant: Tenant) -> None:
    assert Customer.objects.create(external_id="C1", country="FR", registered_at=NOON).tenant == in_tenant


def test_a_row_without_a_tenant_is_not_saved(db: None) -> None:
    for scope in (tenant_scope(-1), across_tenants()):
        with scope, pytest.raises(TenantNotSet):
            Customer(external_id="C1", country="FR", registered_at=NOON).save()


def test_the_database_refuses_a_reference_to_another_tenants_row(tenant: Tenant, neighbour: Tenant) -> None:
    theirs = make_customer(neighbour)
    with tenant_scope(tenant.pk), pytest.raises(IntegrityError, match="tenant_fk"), transaction.atomic():
        Address.objects.create(customer=theirs, kind="billing", country="FR", added_at=NOON)
    with pytest.raises(IntegrityError, match="tenant_fk"), transaction.atomic():
        make_payment(tenant, customer=theirs, method=make_method(make_customer(tenant)))


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (model._meta.db_table, field.column)
        for model in TENANT_MODELS
        for field in model._meta.local_fields
        if isinstance(field, TenantForeignKey)
    ],
)
def test_every_tenant_foreign_key_is_enforced_with_its_tenant(db: None, table: str, column: str) -> None:
    if (table, column) == ("payments_payment", "id"):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass AND conkey @> ARRAY("
            "SELECT attnum FROM pg_attribute WHERE attrelid = conrelid AND attname IN (%s, 'tenant_id')) "
            "AND array_length(conkey, 1) >= 2",
            [table, column],
        )
        assert cursor.fetchone()[0] >= 1


def test_nested_scopes_end_where_they_began(tenant: Tenant, neighbour: Tenant) -> None:
    with tenant_scope(tenant.pk):
        with tenant_scope(neighbour.pk):
            pass
        assert make_customer(tenant).tenant == tenant
        assert Customer.objects.count() == 1
