"""POST /api/v1/fraud-alerts/check says what scoring would say, and leaves no trace."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.customers.models import Device, WebSession
from apps.fraud.engine.features.catalogue import compute_row
from apps.fraud.models import Decision
from apps.fraud.selectors.facts import payment_facts
from apps.fraud.selectors.preview import preview_facts
from apps.fraud.services.engine import engine_current
from apps.fraud.services.scoring import payments_decide
from apps.fraud.state.live_state import live_state
from apps.payments.events import PaymentEvent
from apps.payments.models import Merchant, Payment
from kivendtout.lib.clock import now
from kivendtout.lib.tenancy import tenant_scope
from tests.fraud.api.conftest import Post, Shop

pytestmark = pytest.mark.django_db(transaction=True)
_numbers = itertools.count(1)
BASE = now() - timedelta(hours=2)


def test_a_check_answers_as_the_score_that_follows_and_records_nothing(shop: Shop, post: Post) -> None:
    post(shop, shop.payment())
    payment = shop.payment(amount="4000.00", device_id="new", ip_address="8.8.8.8")
    checked = post(shop, payment, path="fraud-alerts/check")
    again = post(shop, payment, path="fraud-alerts/check")
    assert checked.status_code == 200
    assert checked.json()["decision_id"] is None
    assert checked.headers["Cache-Control"] == "no-store"
    with tenant_scope(shop.tenant.pk):
        assert Payment.objects.count() == Decision.objects.count() == 1
        assert not Device.objects.exists()
    scored = post(shop, payment).json()
    for name in ("decision", "score", "points", "reasons", "degraded", "decided_by", "ruleset_version"):
        assert checked.json()[name] == again.json()[name] == scored[name], name


def test_a_check_refuses_what_scoring_would(shop: Shop, other_shop: Shop, post: Post) -> None:
    payment = shop.payment()
    post(shop, payment)
    for body in (
        other_shop.payment(),
        shop.payment(merchant_id="nobody"),
        payment | {"amount": "1.00"},
        shop.payment(amount="x"),
    ):
        checked, scored = post(shop, body, path="fraud-alerts/check"), post(shop, body)
        assert checked.status_code == scored.status_code != 200
        assert checked.json() | {"trace_id": ""} == scored.json() | {"trace_id": ""}


def optional(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *values])


KINDS = ("ios", "android", "web_desktop")
EVENTS = st.fixed_dictionaries(
    {
        "amount": st.sampled_from(["1.00", "99.99", "1500.00"]),
        "currency": st.sampled_from(["EUR", "USD"]),
        "event": st.sampled_from(["payment_attempt", "payment_success", "payment_failed"]),
        "method": st.sampled_from(["card", "paypal"]),
        "card_bin": optional("497010"),
        "last_four": optional("1234"),
        "card_fingerprint": optional("card-1", "card-2"),
        "issuer_country": optional("FR", "US"),
        "payment_country": optional("FR"),
        "ip_hash": optional("192.0.2.7"),
        "ip_country": optional("DE"),
        "device_id": optional("new-1", "new-2", "known", "bare"),
        "device_kind": optional(*KINDS),
        "os": optional("iOS 19"),
        "browser": optional("Safari"),
        "merchant_id": optional("M1"),
        "session_id": optional("s-new", "s-known", "s-bare"),
        "utm_source": optional("direct"),
        "utm_campaign": optional("spring"),
        "failure_code": optional("declined"),
        "basket_size": optional(3),
    }
)


@pytest.fixture
def furnished(shop: Shop) -> Shop:
    """Devices and visits of which more, or less, is known already."""
    with tenant_scope(shop.tenant.pk):
        Merchant.objects.create(external_id="M1", name="M", country="FR", mcc="5732", size="small")
        known = Device.objects.create(fingerprint="known", kind="ios", os="iOS 18", browser="", first_seen_at=BASE)
        Device.objects.create(fingerprint="bare", first_seen_at=BASE)
        visit = {"customer": shop.customer, "started_at": BASE}
        WebSession.objects.create(
            external_id="s-known", device=known, device_kind="android", utm_source="newsletter", **visit
        )
        WebSession.objects.create(external_id="s-bare", **visit)
    return shop


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(EVENTS, min_size=1, max_size=4))
def test_a_preview_has_the_facts_and_the_feature_row_that_recording_makes(
    events: list[dict[str, Any]], furnished: Shop
) -> None:
    tenant_id, run = furnished.tenant.pk, next(_numbers)
    for n, fields in enumerate(events):
        renamed = {
            name: f"{value}-{run}" if name in {"device_id", "session_id"} and "new" in str(value) else value
            for name, value in fields.items()
        }
        at = BASE + timedelta(seconds=60 * run + n)
        event = PaymentEvent(
            payment_id=f"R{run}-{n}", customer_id=furnished.customer.external_id, attempted_at=at, **renamed
        )
        with tenant_scope(tenant_id):
            engine = engine_current(tenant_id)
            [preview] = preview_facts(tenant_id, [event])
            assert not isinstance(preview, str)
            histories = live_state().look(tenant_id, [preview])
            assert histories is not None
            [history] = histories
            foreseen = compute_row(preview, history, engine.zone)
            done = payments_decide(tenant_id=tenant_id, events=[event], source="test", now=now())
        assert preview == done.made[0].facts
        assert foreseen == done.made[0].judged.row


def test_a_payment_that_is_recorded_already_is_previewed_as_it_is_known(furnished: Shop) -> None:
    tenant_id = furnished.tenant.pk
    values = {"customer_id": furnished.customer.external_id, "attempted_at": BASE, "method": "card", "amount": "1.00"}
    attempt = PaymentEvent(payment_id="P1", event="payment_attempt", device_id="d", **values)
    with tenant_scope(tenant_id):
        done = payments_decide(tenant_id=tenant_id, events=[attempt], source="test", now=now())
        result = PaymentEvent(payment_id="P1", event="payment_success", **values)
        [preview] = preview_facts(tenant_id, [result])
        payments_decide(tenant_id=tenant_id, events=[result], source="test", now=now())
        [stored] = payment_facts(tenant_id, done.recorded.new)
    assert preview == stored
