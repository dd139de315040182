"""The activity page's socket, through the real routing, sessions, origin check and Redis channel layer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client

from apps.compliance.models import Tenant, User
from apps.payments.live.activity import REFUSED, SIGNED_OUT
from apps.payments.live.messages import push_payments
from tests.conftest import make_person
from tests.factories import make_payment
from tests.web.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = (b"origin", b"http://localhost:8000")


@pytest.fixture(autouse=True)
async def _connections(transactional_db: None) -> AsyncIterator[None]:
    """The thread that serves synchronous code has a database connection of its own: it must not outlive the test."""
    yield
    await sync_to_async(connections.close_all)()


def socket(person: User | None, *headers: tuple[bytes, bytes], language: str = "fr") -> Socket:
    from kivendtout.asgi import application

    cookies = b""
    if person:
        client = Client()
        client.force_login(person)
        cookies = f"sessionid={client.cookies['sessionid'].value}".encode()
    return Socket(application, f"/ws/activity/?language={language}", [(b"cookie", cookies), *headers])


async def next_payment(communicator: Socket) -> dict[str, Any]:
    while True:
        message = await communicator.receive_json()
        if message["type"] == "payment":
            return message


async def test_a_new_payment_reaches_the_people_of_its_tenant(transactional_db: None) -> None:
    tenant = await Tenant.objects.acreate(slug="kvt", name="KiVendTout")
    communicator = await sync_to_async(socket)(await sync_to_async(make_person)(tenant, "analyst"), ORIGIN)
    assert await communicator.connect()
    payment = await sync_to_async(make_payment)(tenant)
    await sync_to_async(push_payments)(tenant_id=tenant.pk, ids=[payment.pk])
    message = await next_payment(communicator)
    assert message["seq"] == payment.pk
    assert message["payment"]["amount"] == "42.500"
    await communicator.disconnect()


@pytest.mark.parametrize(("language", "label"), [("fr", "En attente"), ("en", "Pending"), ("xx", "En attente")])
async def test_live_rows_speak_the_readers_language(transactional_db: None, language: str, label: str) -> None:
    tenant = await Tenant.objects.acreate(slug="kvt", name="KiVendTout")
    person = await sync_to_async(make_person)(tenant, "analyst")
    communicator = await sync_to_async(socket)(person, ORIGIN, language=language)
    assert await communicator.connect()
    payment = await sync_to_async(make_payment)(tenant)
    await sync_to_async(push_payments)(tenant_id=tenant.pk, ids=[payment.pk])
    assert (await next_payment(communicator))["payment"]["status_label"] == label
    await communicator.disconnect()


async def test_an_outsiders_socket_hears_nothing_of_it(transactional_db: None) -> None:
    tenant = await Tenant.objects.acreate(slug="kvt", name="KiVendTout")
    other = await Tenant.objects.acreate(slug="voisin", name="Voisin")
    communicator = await sync_to_async(socket)(await sync_to_async(make_person)(other, "lead"), ORIGIN)
    assert await communicator.connect()
    payment = await sync_to_async(make_payment)(tenant)
    await sync_to_async(push_payments)(tenant_id=tenant.pk, ids=[payment.pk])
    await communicator.send_json({"type": "resume", "after": 0})
    seen = []
    while not await communicator.receive_nothing(timeout=0.3):
        seen.append((await communicator.receive_json())["type"])
    assert "payment" not in seen
    await communicator.disconnect()


async def test_a_page_that_reconnects_gets_what_it_missed_in_order_and_once(transactional_db: None) -> None:
    tenant = await Tenant.objects.acreate(slug="kvt", name="KiVendTout")
    made = [await sync_to_async(make_payment)(tenant) for _ in range(3)]
    communicator = await sync_to_async(socket)(await sync_to_async(make_person)(tenant, "read_only"), ORIGIN)
    assert await communicator.connect()
    await communicator.send_json({"type": "resume", "after": made[0].pk})
    assert [(await next_payment(communicator))["seq"] for _ in range(2)] == [made[1].pk, made[2].pk]
    await communicator.disconnect()


@pytest.mark.parametrize("nonsense", [{"type": "resume", "after": "x"}, {"type": "resume", "after": True}, [], {}, 5])
async def test_nonsense_from_the_browser_is_ignored(transactional_db: None, nonsense: Any) -> None:
    tenant = await Tenant.objects.acreate(slug="kvt", name="KiVendTout")
    communicator = await sync_to_async(socket)(await sync_to_async(make_person)(tenant, "analyst"), ORIGIN)
    assert await communicator.connect()
    await communicator.send_json(nonsense)
    assert (await communicator.receive_json())["type"] == "stats"
    await communicator.disconnect()


async def test_nobody_signed_in_and_roles_without_payments_are_turned_away(transactional_db: None) -> None:
    tenant = await Tenant.objects.acreate(slug="kvt", name="KiVendTout")
    developer = await sync_to_async(make_person)(tenant, "developer")
    for person, code in ((None, SIGNED_OUT), (developer, REFUSED)):
        communicator = await sync_to_async(socket)(person, ORIGIN)
        await communicator.connect()
        closed = await communicator.receive_output(timeout=5)
        assert (closed["type"], closed["code"]) == ("websocket.close", code)


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null", b""])
async def test_a_page_of_another_site_cannot_open_the_socket(transactional_db: None, origin: bytes) -> None:
    tenant = await Tenant.objects.acreate(slug="kvt", name="KiVendTout")
    person = await sync_to_async(make_person)(tenant, "analyst")
    communicator = await sync_to_async(socket)(person, (b"origin", origin))
    assert not await communicator.connect()
