"""A small shop with everything the admin site shows, and the words that must never show in clear."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from apps.compliance.models import Tenant, User
from apps.customers.models import Address, Consent, Customer, Device, WebSession
from apps.fraud.engine.decide import Policy, judgement_bytes
from apps.fraud.engine.features.catalogue import INDEX, VERSION
from apps.fraud.engine.history import NOTHING_KNOWN
from apps.fraud.engine.lists import ListIndex, Subject
from apps.fraud.engine.ruleset import CompiledRuleSet
from apps.fraud.models import (
    DeadLetter,
    Decision,
    FraudAlert,
    FraudLabel,
    FraudList,
    ListEntry,
    Rule,
    RuleSet,
    RuleVersion,
)
from apps.fraud.selectors.facts import payment_facts
from apps.fraud.services.decisions_store import inputs_text, pack_row
from apps.fraud.services.engine import Clock, Engine
from apps.fraud.services.rulesets import ruleset_publish
from apps.payments.models import (
    Merchant,
    Order,
    OrderItem,
    Payment,
    PaymentMethod,
    PaymentReference,
    PaymentStateChange,
    Product,
)
from apps.payments.services.partitions import payment_partitions_ensure
from kivendtout.lib.crypto.hashing import keyed_hash
from kivendtout.lib.documents import document_store
from kivendtout.lib.tenancy import tenant_scope

WHEN = datetime(2026, 1, 20, 14, 3, 27, tzinfo=UTC)
NAME = "<script>alert(1)</script>"
MERCHANT = "<img src=x onerror=alert(2)>"
SECRETS = {
    "first_name": "Zenobie",
    "last_name": "Quatrebarbes",
    "email": "zenobie.quatrebarbes@courriel.example",
    "phone": "+33 6 55 44 33 22",
    "street": "17 impasse des Lilas",
    "city": "Trifouillis",
    "postal_code": "98765",
    "fingerprint": "dev_deadbeef0042",
    "bin": "497099",
    "last_four": "6183",
}


@dataclass
class World:
    tenant: Tenant
    customer: Customer = None  # type: ignore[assignment]
    address: Address = None  # type: ignore[assignment]
    device: Device = None  # type: ignore[assignment]
    session: WebSession = None  # type: ignore[assignment]
    consent: Consent = None  # type: ignore[assignment]
    method: PaymentMethod = None  # type: ignore[assignment]
    merchant: Merchant = None  # type: ignore[assignment]
    product: Product = None  # type: ignore[assignment]
    payment: Payment = None  # type: ignore[assignment]
    change: PaymentStateChange = None  # type: ignore[assignment]
    order: Order = None  # type: ignore[assignment]
    alert: FraudAlert = None  # type: ignore[assignment]
    label: FraudLabel = None  # type: ignore[assignment]
    fraud_list: FraudList = None  # type: ignore[assignment]
    list_entry: ListEntry = None  # type: ignore[assignment]
    rule: Rule = None  # type: ignore[assignment]
    ruleset: RuleSet = None  # type: ignore[assignment]
    decision: Decision = None  # type: ignore[assignment]
    dead_letter: DeadLetter = None  # type: ignore[assignment]


def make_world(tenant: Tenant) -> World:
    world = World(tenant=tenant)
    payment_partitions_ensure(first=date(2025, 11, 1), last=date(2026, 2, 1))
    with tenant_scope(tenant.pk):
        make_customer(world)
        make_payment_of(world)
    return world


def make_customer(world: World) -> None:
    personal = {name: SECRETS[name] for name in ("first_name", "last_name", "email", "phone")}
    world.customer = Customer.objects.create(
        external_id="C00042",
        country="FR",
        segment="vip",
        registered_at=WHEN - timedelta(days=300),
        birth_date=date(1987, 3, 9),
        **personal,
    )
    where = {name: SECRETS[name] for name in ("street", "city", "postal_code")}
    world.address = Address.objects.create(
        customer=world.customer, kind="billing", country="FR", added_at=WHEN - timedelta(days=299), **where
    )
    world.device = Device.objects.create(
        fingerprint=SECRETS["fingerprint"], kind="ios", os="iOS 19", browser="Safari", first_seen_at=WHEN
    )
    world.session = WebSession.objects.create(
        external_id="S000042",
        customer=world.customer,
        device=world.device,
        device_kind="ios",
        country="FR",
        ip_hash=keyed_hash("address", "192.0.2.7"),
        utm_source="direct",
        started_at=WHEN - timedelta(minutes=9),
        ended_at=WHEN + timedelta(minutes=3),
    )
    world.consent = Consent.objects.create(
        customer=world.customer, purpose="marketing", granted=True, source="form v3", answered_at=WHEN
    )
    world.method = PaymentMethod.objects.create(
        customer=world.customer, kind="card", bin=SECRETS["bin"], last_four=SECRETS["last_four"], issuer_country="FR"
    )
    world.merchant = Merchant.objects.create(external_id="M001", name=MERCHANT, country="FR", mcc="5732", size="small")
    world.product = Product.objects.create(
        external_id="P0001",
        name=NAME,
        category="Wine",
        adult_restricted=True,
        unit_price=Decimal("24.90"),
        currency_id="EUR",
        created_at=WHEN,
    )


def make_payment(world: World, number: str, *, at: datetime = WHEN, status: str = "pending") -> Payment:
    """In the tenant in force."""
    reference = PaymentReference.objects.create(external_id=number, attempted_at=at)
    payment = Payment(
        reference=reference,
        attempted_at=at,
        customer=world.customer,
        status_id=status,
        initial_status_id=status,
        amount=Decimal("1249.90"),
        currency_id="EUR",
        merchant=world.merchant,
        method=world.method,
        device=world.device,
        session=world.session,
        billing_address=world.address,
        payment_country="FR",
        ip_hash=keyed_hash("address", "192.0.2.7"),
        recorded_by="test",
    )
    payment.save(force_insert=True)
    return payment


def make_payment_of(world: World) -> None:
    world.payment = make_payment(world, "PAY0000042")
    world.change = PaymentStateChange.objects.create(
        payment_id=world.payment.pk,
        from_status_id="pending",
        to_status_id="success",
        actor="provider",
        reason="Captured by the provider",
        changed_at=WHEN + timedelta(seconds=2),
    )
    world.payment.status_id = "success"
    world.order = Order.objects.create(
        external_id="O0000042",
        customer=world.customer,
        session=world.session,
        payment_id=world.payment.pk,
        placed_at=WHEN,
        total=Decimal("1249.90"),
        currency_id="EUR",
        shipping_method="express",
        status="paid",
    )
    OrderItem.objects.create(order=world.order, line=1, product=world.product, quantity=3, unit_price=Decimal("24.90"))
    world.alert = FraudAlert.objects.create(
        external_id="AL00042", payment_id=world.payment.pk, rule="UNUSUAL_AMOUNT", severity="HIGH", raised_at=WHEN
    )
    world.label = FraudLabel.objects.create(
        payment_id=world.payment.pk, is_fraud=True, source="analyst", pattern="card_testing", known_at=WHEN
    )
    make_list(world)
    make_rules(world)
    make_decision(world)
    make_events(world)
    world.dead_letter = DeadLetter.objects.create(
        place="payments.dlq[0]@17", stamped_at=WHEN, tenant=world.tenant, topic="payments", code="invalid",
        state="discarded", by="administrator@kivendtout.example", reason="A test.", claimed_at=WHEN, done_at=WHEN,
    )  # fmt: skip


def make_rules(world: World) -> None:
    """One that decides. What ships is marked so, and counts as approved."""
    world.rule = Rule.objects.create(code="BIG_AMOUNT", created_at=WHEN)
    version = RuleVersion.objects.create(
        rule=world.rule, number=1, expression="amount_eur > 1000", points=30, sentence_fr=NAME, sentence_en=NAME,
        owner=NAME, tags=[NAME], shipped=True, created_at=WHEN,
    )  # fmt: skip
    version.state, version.live_at = "live", WHEN
    version.save()
    world.ruleset = ruleset_publish(tenant_id=world.tenant.pk, actor=None, now=WHEN)


def make_decision(world: World) -> None:
    """On the payment, as the rules above would have it, with its digits in the feature row."""
    facts = payment_facts(world.tenant.pk, [world.payment.pk])[0]
    content, number = world.ruleset.content, world.ruleset.number
    rules = CompiledRuleSet(content, INDEX, number=number, name=world.ruleset.name)
    engine = Engine(Policy(), ZoneInfo("Europe/Paris"), ListIndex(), rules, True)
    judged = engine.judge([facts], [Subject()], [NOTHING_KNOWN], Clock())[0]
    judgement = judged.judgement
    world.decision = Decision.objects.create(
        payment_id=world.payment.pk, decided_at=WHEN, outcome=int(judgement.result), score=judgement.score,
        points=judgement.points, ruleset_number=number, degraded=False, source="api", latency_us=4321,
        timings=[1000, 900, 300, 20, 0], catalogue_version=VERSION, features=pack_row(judged.row),
        inputs=inputs_text(judged.inputs), judgement=judgement_bytes(judgement).decode(),
    )  # fmt: skip


def make_list(world: World) -> None:
    world.fraud_list = FraudList.objects.create(
        code="angry_buyers", name_fr="Acheteurs fâchés", name_en="Angry buyers", kind="email", effect="watch"
    )
    owner = User.objects.create_user(f"owner@{world.tenant.slug}.example", tenant=world.tenant)
    world.list_entry = ListEntry.objects.create(
        list=world.fraud_list, value_hash=world.customer.email_index, hint="•••@courriel.example", reason=NAME,
        added_by=owner, added_at=WHEN,
    )  # fmt: skip


def make_events(world: World) -> None:
    kinds = ("page_view", "product_view", "add_to_cart", "checkout_start", "payment_attempt", "payment_success")
    documents = [
        {
            "id": f"E{world.tenant.pk}-{place}",
            "at": WHEN + timedelta(minutes=place - 4),
            "type": kind,
            "customer_id": "C00042",
            "session_id": "S000042",
            "payment_id": "PAY0000042" if kind.startswith("payment") else None,
            "product_id": "P0001" if "cart" in kind or "product" in kind else None,
        }
        for place, kind in enumerate(kinds)
    ]
    document_store().insert_many("events", world.tenant.pk, documents)
