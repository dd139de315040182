from __future__ import annotations

import pytest
from django.urls import reverse

from tests.admin.conftest import ClientOf
from tests.admin.world import World


@pytest.mark.parametrize("page", ["auth_group", "payments_paymentstatus", "compliance_tenant"])
def test_a_search_on_a_list_that_has_none_finds_nothing_and_breaks_nothing(
    world: World, client_of: ClientOf, page: str
) -> None:
    response = client_of("administrator").get(reverse(f"admin:{page}_changelist"), {"q": "zzz"})
    assert response.status_code == 200


def test_a_reason_made_of_spaces_is_sent_back_with_a_sentence(world: World, client_of: ClientOf) -> None:
    url = reverse("admin:customers_customer_reveal", args=[world.customer.pk])
    response = client_of("analyst").post(url, {"reason": "a            b"})
    assert response.status_code == 200
    assert b"errorlist" in response.content or b"aria-invalid" in response.content or b"reason" in response.content
    assert not response.context["facts"]
