"""What the socket tests share: a signed-in socket, synchronous helpers in asynchronous clothes."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.test import Client

from apps.compliance.models import Tenant, User
from apps.payments.live.messages import push_payments
from apps.payments.models import Payment, PaymentStateChange
from kivendtout.lib.tenancy import tenant_scope
from tests.conftest import NOON, make_person
from tests.factories import make_payment
from tests.web.sockets import Socket

ORIGIN = (b"origin", b"http://localhost:8000")


def socket(person: User | None, *headers: tuple[bytes, bytes], language: str = "fr") -> Socket:
    from kivendtout.asgi import application

    cookies = b""
    if person:
        client = Client()
        client.force_login(person)
        cookies = f"sessionid={client.cookies['sessionid'].value}".encode()
    return Socket(application, f"/ws/activity/?language={language}", [(b"cookie", cookies), *headers])


def _move(payment: Payment, to: str) -> None:
    with tenant_scope(payment.tenant_id):
        PaymentStateChange.objects.create(
            payment=payment.reference, from_status_id=payment.status_id, to_status_id=to, actor="test", reason="test",
            changed_at=NOON,
        )  # fmt: skip


def _pay(tenant: Tenant, **fields: Any) -> Payment:
    payment = make_payment(tenant, **fields)
    push_payments(tenant_id=tenant.pk, ids=[payment.pk])
    return payment


async def joined(tenant: Tenant, role: str = "analyst", language: str = "fr") -> Socket:
    opened = await sync_to_async(socket)(await person(tenant, role), ORIGIN, language=language)
    assert await opened.connect()
    await opened.next_of("stats")  # said after it has joined its group
    return opened


person = sync_to_async(make_person)
payment_made = sync_to_async(make_payment)
payment_moved = sync_to_async(_move)
payment_pushed = sync_to_async(_pay)
push_again = sync_to_async(push_payments)
