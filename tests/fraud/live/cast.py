"""Alerts, their changes, and sockets that listen to them."""

from __future__ import annotations

import itertools
from typing import Any

from asgiref.sync import sync_to_async
from django.test import Client

from apps.compliance.models import Tenant, User
from apps.fraud.live.groups import alert_changes_tell
from apps.fraud.models import FraudAlert
from apps.fraud.services.alert_changes import alert_changes_note
from kivendtout.lib.tenancy import tenant_scope
from tests.conftest import NOON, make_person
from tests.factories import make_payment
from tests.web.live_cast import ORIGIN
from tests.web.sockets import Socket

_numbers = itertools.count(1)


class Listening(Socket):
    hello: Any = None


def make_alert(tenant: Tenant, **fields: Any) -> FraudAlert:
    payment = fields.pop("payment", None) or make_payment(tenant)
    values = {"rule": "CARD_TESTING", "severity": "HIGH", "raised_at": NOON, **fields}
    with tenant_scope(tenant.pk):
        return FraudAlert.objects.create(
            external_id=f"kvt-test-{next(_numbers)}", payment_id=payment.pk, tenant=tenant, **values
        )


def note(tenant: Tenant, *alerts: FraudAlert, change: str = "raised") -> None:
    alert_changes_note(tenant_id=tenant.pk, alerts=[one.pk for one in alerts], change=change, now=NOON)


def raise_alerts(tenant: Tenant, count: int = 1) -> list[FraudAlert]:
    """Noted and told, as the stream does. Several changes of one alert count as much as one of several alerts."""
    alert = make_alert(tenant)
    note(tenant, *[alert] * count)
    alert_changes_tell()
    return [alert] * count


def alerts_socket(
    person: User | None, *headers: tuple[bytes, bytes], after: object = None, language: str = "fr"
) -> Listening:
    from kivendtout.asgi import application

    cookies = b""
    if person:
        client = Client()
        client.force_login(person)
        cookies = f"sessionid={client.cookies['sessionid'].value}".encode()
    seen = "" if after is None else f"&after={after}"
    return Listening(application, f"/ws/alerts/?language={language}{seen}", [(b"cookie", cookies), *headers])


async def listening(person: User, **options: Any) -> Listening:
    opened = await sync_to_async(alerts_socket)(person, ORIGIN, **options)
    assert await opened.connect()
    opened.hello = await opened.next_of("hello")
    return opened


async def numbers(socket: Socket, count: int) -> list[int]:
    """Of the next changes, as many as that at least."""
    found: list[int] = []
    while len(found) < count:
        found += [one["number"] for one in (await socket.next_of("alerts"))["alerts"]]
    return found


person = sync_to_async(make_person)
alerts_raised = sync_to_async(raise_alerts)
