from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.compliance.models import Tenant, User
from apps.fraud.models import FraudList
from apps.fraud.services.lists import list_create
from tests.conftest import make_person

ListMaker = Callable[..., FraudList]


@pytest.fixture
def lead(tenant: Tenant) -> User:
    return make_person(tenant, "lead")


@pytest.fixture
def make_list(in_tenant: Tenant, lead: User) -> ListMaker:
    def make(kind: str = "country", code: str = "", **fields: Any) -> FraudList:
        values = {"name_fr": "Liste", "name_en": "List", "effect": "deny", "actor": lead, **fields}
        return list_create(tenant_id=in_tenant.pk, code=code or f"{kind}s", kind=kind, **values)

    return make
