"""Small worlds made to catch a feature at fault: few entities shared by many, times on the very edges of windows.

A world is what its seed says, always the same. `store` puts it into PostgreSQL the way payments really get there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from apps.compliance.models import Tenant
from apps.customers.models import Customer
from apps.fraud.models import FraudLabel
from apps.payments.events import PaymentEvent
from apps.payments.models import Merchant, PaymentReference
from apps.payments.services.recording import payments_record
from kivendtout.lib.tenancy import tenant_scope

MICROSECOND: Final = timedelta(microseconds=1)
EDGES: Final = (
    timedelta(0), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=24),
    timedelta(days=7), timedelta(days=30),
)  # fmt: skip
NUDGES: Final = (timedelta(0), timedelta(0), MICROSECOND, -MICROSECOND, timedelta(seconds=31))
# The hours in which Paris changes its clocks, a midnight of UTC, an hour that ends a night there.
ANCHORS: Final = (
    datetime(2025, 3, 30, 1, 0, tzinfo=UTC),
    datetime(2025, 10, 26, 1, 0, tzinfo=UTC),
    datetime(2025, 6, 1, 0, 0, tzinfo=UTC),
    datetime(2025, 11, 30, 5, 0, tzinfo=UTC),
)
# Half of it on each side of the anchor: wider than the widest window, narrower than what merchants' days are kept for.
BREADTH: Final = timedelta(days=50)
NOW: Final = datetime(2026, 1, 15, tzinfo=UTC)
# Whole yen, three digits of a dinar, half a cent of forints, and a currency that the tests take the rate from (XOF).
AMOUNTS: Final = {
    "EUR": ("0", "0.01", "10.00", "99.99", "99999999.99"),
    "USD": ("0.01", "33.33", "1250.00"),
    "HUF": ("1.99", "24875.00"),
    "JPY": ("1", "4999", "123456"),
    "GBP": ("19.99", "0.05"),
    "TND": ("1.005", "250.125"),
    "XOF": ("500",),
}
COUNTRIES: Final = ("FR", "BE", "US", "JP", None)
FAILURES: Final = ("insufficient_funds", "stolen_card", None)


@dataclass(frozen=True)
class Label:
    payment: str
    source: str
    is_fraud: bool
    known_at: datetime


@dataclass(frozen=True)
class World:
    """`told` is the first message of each payment, `results` the second one of those first told as pending."""

    customers: tuple[dict[str, Any], ...]
    merchants: tuple[dict[str, Any], ...]
    told: tuple[PaymentEvent, ...]
    results: tuple[PaymentEvent, ...]
    labels: tuple[Label, ...]


def make_world(seed: int, *, payments: int = 70, customers: int = 3, labelled: float = 0.35) -> World:
    random = Random(seed)
    anchor = random.choice(ANCHORS)
    told = tuple(_payment(random, n, at, customers) for n, at in enumerate(_times(random, anchor, payments)))
    edges, edge_labels = _edges(anchor - BREADTH / 2)
    return World(
        customers=tuple(_customer(random, f"C{n}", anchor) for n in (*range(customers), "E")),
        merchants=({"external_id": "M0", "mcc": "5732"}, {"external_id": "M1", "mcc": ""}),
        told=told + edges,
        results=tuple(_result(random, event) for event in told if event.status == "pending" and random.random() < 0.7),
        labels=edge_labels
        + tuple(label for event in told if random.random() < labelled for label in _labels(random, event)),
    )


def _edges(start: datetime) -> tuple[tuple[PaymentEvent, ...], tuple[Label, ...]]:
    """What chance hardly hits: one customer's device, address and card last seen an hour or 30 days ago to the
    microsecond, and a merchant's fraud known for just as long."""
    hour, month = timedelta(hours=1), timedelta(days=30)
    steps: tuple[tuple[str, timedelta, dict[str, Any]], ...] = (
        ("E0", timedelta(0), {"device_id": "E0", "ip_hash": "E0", "card_fingerprint": "E0"}),
        ("E1", hour, {"device_id": "E1", "ip_hash": "E1", "card_fingerprint": "E1"}),
        ("E2", 2 * hour + MICROSECOND, {"device_id": "E2", "ip_hash": "E2", "card_fingerprint": "E2"}),
        ("E3", month, {"device_id": "E2", "ip_hash": "E2", "card_fingerprint": "E2"}),
        ("E4", month + hour + MICROSECOND, {"device_id": "E0", "ip_hash": "E0", "card_fingerprint": "E0"}),
    )  # fmt: skip
    told = tuple(
        PaymentEvent(
            payment_id=name, customer_id="CE", event="payment_success", attempted_at=start + step, amount="5.00",
            method="card", merchant_id="M1", **means,
        )
        for name, step, means in steps
    )  # fmt: skip
    return told, (Label("E0", "analyst", True, start), Label("E1", "analyst", True, start + hour))


def _times(random: Random, anchor: datetime, many: int) -> list[datetime]:
    """Each lies an edge away from one before it, give or take a microsecond; or at the same instant."""
    times = [anchor]
    while len(times) < many:
        step = random.choice(EDGES) + random.choice(NUDGES)
        at = random.choice(times) + random.choice((1, -1)) * step
        if abs(at - anchor) <= BREADTH / 2:
            times.append(at)
    return times


def _customer(random: Random, name: str, anchor: datetime) -> dict[str, Any]:
    registered = anchor + random.choice((timedelta(0), -timedelta(days=7), -timedelta(days=900), timedelta(days=3)))
    return {
        "external_id": name, "country": random.choice(COUNTRIES[:4]), "registered_at": registered,
        "segment": random.choice(("new", "vip")),
    }  # fmt: skip


def _payment(random: Random, n: int, at: datetime, customers: int) -> PaymentEvent:
    customer, currency = random.randrange(customers), random.choice(list(AMOUNTS))
    event = random.choice(("payment_attempt", "payment_attempt", "payment_success", "payment_failed"))
    return PaymentEvent(
        payment_id=f"P{random.randrange(10**6):06d}-{n}",  # so that the order of instants is not that of making
        customer_id=f"C{customer}",
        event=event,  # type: ignore[arg-type]  # one of those it allows
        attempted_at=at,
        amount=random.choice(AMOUNTS[currency]),
        currency=currency,
        failure_code=random.choice(FAILURES),  # a sender may tell a code with anything
        **_means(random),
        **_places(random),
        **_visit(random, customer, at),
    )


def _means(random: Random) -> dict[str, Any]:
    if random.random() < 0.25:
        return {"method": random.choice(("paypal", "bank_transfer"))}
    return {
        "method": random.choice(("card", "apple_pay")),
        "card_bin": random.choice(("497010", "40000012", None)),
        "card_fingerprint": random.choice(("K0", "K1", "K2", None)),
        "issuer_country": random.choice(COUNTRIES),
    }


def _places(random: Random) -> dict[str, Any]:
    return {
        "payment_country": random.choice(COUNTRIES),
        "ip_country": random.choice(COUNTRIES),
        "billing_country": random.choice(COUNTRIES),
        "ip_hash": random.choice(("I0", "I1", "I2", None)),
        "merchant_id": random.choice(("M0", "M0", "M1", None)),
    }


def _visit(random: Random, customer: int, at: datetime) -> dict[str, Any]:
    visit: dict[str, Any] = {
        "device_id": random.choice(("D0", "D1", "D2", None)),
        "device_kind": random.choice(("web_desktop", "ios", "android", None)),
        "os": random.choice(("iOS 18", None)),
        "browser": random.choice(("Firefox", None)),
        "basket_size": random.choice((1, 12, None)),
        "adult_restricted": random.choice((True, False, None)),
        "cart_at": random.choice((at, at - timedelta(seconds=29, microseconds=999_999), None)),
    }
    if random.random() < 0.5:
        visit |= {
            "session_id": f"S{customer}{random.randrange(3)}",
            "session_started_at": at,
            "utm_source": random.choice(("direct", "newsletter", None)),
            "utm_campaign": random.choice(("noel", None)),
        }
    return visit


def _result(random: Random, told: PaymentEvent) -> PaymentEvent:
    event = random.choice(("payment_success", "payment_failed"))
    values = {name: getattr(told, name) for name in told.__struct_fields__}
    code = random.choice(FAILURES) if event == "payment_failed" else None
    return PaymentEvent(**values | {"event": event, "failure_code": code})


def _labels(random: Random, event: PaymentEvent) -> list[Label]:
    """One source may contradict another, later or at the very same time."""
    labels, at = [], event.attempted_at
    for source in random.sample(("chargeback", "analyst", "export"), random.choice((1, 1, 2, 3))):
        at += random.choice((timedelta(0), MICROSECOND, timedelta(hours=1), timedelta(days=7), timedelta(days=30)))
        labels.append(Label(event.payment_id, source, random.random() < 0.7, at))
    return labels


def store(world: World, tenant: Tenant) -> None:
    """First messages, then results, then labels; what could not be recorded would be a fault of the world."""
    with tenant_scope(tenant.pk):
        Customer.objects.bulk_create(Customer(tenant=tenant, **values) for values in world.customers)
        Merchant.objects.bulk_create(
            Merchant(tenant=tenant, name=values["external_id"], country="FR", **values) for values in world.merchants
        )
    for events in (world.told, world.results):
        result = payments_record(tenant_id=tenant.pk, events=events, source="test", now=NOW)
        assert not result.rejected
    store_labels(world.labels, tenant)


def store_labels(labels: Sequence[Label], tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        numbers = dict(PaymentReference.objects.values_list("external_id", "pk"))
        FraudLabel.objects.bulk_create(
            FraudLabel(
                tenant=tenant, payment_id=numbers[label.payment], source=label.source, is_fraud=label.is_fraud,
                known_at=label.known_at,
            )
            for label in labels
        )  # fmt: skip
