"""An anomaly of each kind, as a scan would have left it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from apps.compliance.models import Tenant
from apps.fraud.models import Anomaly
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.world import WHEN, World

MIDNIGHT = WHEN.replace(hour=0, minute=0, second=0)
AMOUNT: dict[str, Any] = {
    "name": "amount_eur", "value": 4950.0, "part": 0.61, "share": 0.0, "usual": {"low": 8.74, "high": 122.58},
    "label": {"fr": "montant en euros", "en": "amount in euros"},
    "fr": "montant en euros : 4 950 (d'ordinaire 8,74 à 122,58)",
    "en": "amount in euros: 4,950 (usually 8.74 to 122.58)",
}  # fmt: skip
COUNTRY: dict[str, Any] = {
    "name": "payment_country", "value": "NG", "part": 0.29, "share": 0.0004, "usual": {"common": ["FR", "BE", "DE"]},
    "label": {"fr": "pays du paiement", "en": "country of the payment"},
    "fr": "pays du paiement : NG (d'ordinaire FR, BE, DE)", "en": "country of the payment: NG (usually FR, BE, DE)",
}  # fmt: skip
NIGHT: dict[str, Any] = {
    "name": "night", "value": True, "part": 0.1, "share": 0.00002, "usual": {},
    "label": {"fr": "entre 22 h et 6 h", "en": "between 22:00 and 06:00"},
    "fr": "entre 22 h et 6 h : oui", "en": "between 22:00 and 06:00: yes",
}  # fmt: skip


def make_anomaly(tenant: Tenant, *, kind: str, actor: str, at: datetime, **more: Any) -> Anomaly:
    values: dict[str, Any] = {
        "period_start": at, "period_end": at + timedelta(hours=1), "score": 0.731, "unusual": 0.9997,
        "fields": [AMOUNT, COUNTRY, NIGHT], "detector": "payments-abc-def", "sample_rows": 50_000,
        "sample_start": WHEN - timedelta(days=30), "sample_end": WHEN, "raised_at": WHEN,
    }  # fmt: skip
    with tenant_scope(tenant.pk):
        return Anomaly.objects.create(kind=kind, actor=actor, **values | more)


def payment_anomaly(world: World) -> Anomaly:
    return make_anomaly(
        world.tenant, kind="payment", actor=world.customer.external_id, at=MIDNIGHT, payment_id=world.payment.pk
    )


def access_anomaly(world: World, person: int) -> Anomaly:
    return make_anomaly(world.tenant, kind="access", actor=f"user {person}", at=MIDNIGHT)


def database_anomaly(world: World) -> Anomaly:
    return make_anomaly(world.tenant, kind="database", actor="role reporting", at=MIDNIGHT)
