"""The activity page's socket, through the real routing, sessions, origin check and Redis channel layer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import OperationalError, connections
from django.test import Client

from apps.compliance.models import Tenant, User
from apps.payments.live import activity, messages, tiles
from apps.payments.selectors.activity import activity_tiles
from kivendtout.lib import live_rights
from kivendtout.lib.live_rights import REFUSED, SIGNED_OUT
from kivendtout.lib.live_threads import close_connections
from tests.web.live_cast import (
    ORIGIN,
    joined,
    payment_made,
    payment_moved,
    payment_pushed,
    person,
    push_again,
    socket,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def _connections(transactional_db: None) -> AsyncIterator[None]:
    """The thread that serves synchronous code has a database connection of its own: it must not outlive the test."""
    yield
    await sync_to_async(connections.close_all)()
    close_connections()


@pytest.fixture
async def kvt(_connections: None) -> Tenant:
    return await Tenant.objects.acreate(slug="kvt", name="KiVendTout")


@pytest.fixture
async def voisin(_connections: None) -> Tenant:
    return await Tenant.objects.acreate(slug="voisin", name="Voisin")


@pytest.fixture
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "ROUND_SECONDS", 0.05)
    monkeypatch.setattr(live_rights, "ROUND_SECONDS", 0.05)


async def test_a_new_payment_reaches_the_people_of_its_tenant(kvt: Tenant) -> None:
    communicator = await joined(kvt)
    payment = await payment_pushed(kvt)
    message = await communicator.next_of("payments")
    assert [row["id"] for row in message["payments"]] == [payment.pk]
    assert message["payments"][0]["amount"] == "42.500"
    await communicator.disconnect()


async def test_a_payment_that_moves_is_said_again_with_the_next_number(kvt: Tenant) -> None:
    communicator = await joined(kvt)
    payment = await payment_pushed(kvt)
    await payment_moved(payment, "success")
    await push_again(tenant_id=kvt.pk, ids=[payment.pk])
    said = [await communicator.next_of("payments") for _ in range(2)]
    assert [message["payments"][0]["status"] for message in said] == ["pending", "success"]
    assert said[1]["seq"] == said[0]["seq"] + 1
    await communicator.disconnect()


@pytest.mark.parametrize(("language", "label"), [("fr", "En attente"), ("en", "Pending"), ("xx", "En attente")])
async def test_live_rows_speak_the_readers_language(kvt: Tenant, language: str, label: str) -> None:
    communicator = await joined(kvt, language=language)
    await payment_pushed(kvt)
    assert (await communicator.next_of("payments"))["payments"][0]["status_label"] == label
    await communicator.disconnect()


async def test_an_outsiders_socket_hears_nothing_of_it(kvt: Tenant, voisin: Tenant) -> None:
    communicator = await joined(voisin, "lead")
    await payment_pushed(kvt)
    await communicator.send_json({"type": "resume"})
    said = await communicator.heard(0.3)
    assert {"type": "latest", "payments": []} in said
    assert "payments" not in {message["type"] for message in said}
    await communicator.disconnect()


async def test_the_neighbours_payments_leave_no_hole_in_the_numbers(kvt: Tenant, voisin: Tenant) -> None:
    communicator = await joined(kvt)
    for tenant in (kvt, voisin, voisin, kvt):
        await payment_pushed(tenant)
    assert [(await communicator.next_of("payments"))["seq"] for _ in range(2)] == [1, 2]
    await communicator.disconnect()


async def test_a_push_that_failed_leaves_a_hole(kvt: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    communicator = await joined(kvt)
    await payment_pushed(kvt)
    with monkeypatch.context() as broken:
        broken.setattr(messages, "next_number", lambda name: 1 / 0)
        await payment_pushed(kvt)
    for _ in range(2):
        await payment_pushed(kvt)
    assert [(await communicator.next_of("payments"))["seq"] for _ in range(3)] == [1, 3, 4]
    await communicator.disconnect()


async def test_a_page_that_missed_something_gets_the_latest_as_it_stands(kvt: Tenant) -> None:
    made = [await payment_made(kvt) for _ in range(3)]
    await payment_moved(made[0], "success")
    communicator = await joined(kvt, "read_only")
    await communicator.send_json({"type": "resume"})
    rows = (await communicator.next_of("latest"))["payments"]
    assert [row["id"] for row in rows] == [payment.pk for payment in made]
    assert [row["status"] for row in rows] == ["success", "pending", "pending"]
    await communicator.disconnect()


async def test_it_answers_at_most_once_a_second_however_often_it_is_asked(kvt: Tenant) -> None:
    communicator = await joined(kvt)
    for _ in range(20):
        await communicator.send_json({"type": "resume"})
    early = [message["type"] for message in await communicator.heard(0.5)]
    await communicator.send_json({"type": "resume"})
    later = [message["type"] for message in await communicator.heard(1.0)]
    assert (early.count("latest"), later.count("latest")) == (1, 1)
    await communicator.disconnect()


@pytest.mark.parametrize("nonsense", [{"type": "resume "}, {"type": ["resume"]}, [], {}, 5, None])
async def test_nonsense_from_the_browser_is_ignored(kvt: Tenant, nonsense: Any, quick_rounds: None) -> None:
    communicator = await joined(kvt)
    await communicator.send_json(nonsense)
    assert (await communicator.receive_json())["type"] == "stats"
    await communicator.disconnect()


async def test_nobody_signed_in_and_roles_without_payments_are_turned_away(kvt: Tenant) -> None:
    for someone, code in ((None, SIGNED_OUT), (await person(kvt, "developer"), REFUSED)):
        communicator = await sync_to_async(socket)(someone, ORIGIN)
        await communicator.connect()
        assert await communicator.closed_with() == code


async def _sign_out(someone: User) -> None:
    await Session.objects.all().adelete()


async def _deactivate(someone: User) -> None:
    await User.objects.filter(pk=someone.pk).aupdate(is_active=False)


async def _change_password(someone: User) -> None:
    await User.objects.filter(pk=someone.pk).aupdate(password="!")


async def _take_role(someone: User) -> None:
    await someone.groups.aset([await Group.objects.aget(name="developer")])


@pytest.mark.parametrize(
    ("ends", "code"),
    [(_sign_out, SIGNED_OUT), (_deactivate, SIGNED_OUT), (_change_password, SIGNED_OUT), (_take_role, REFUSED)],
)
async def test_a_socket_ends_with_the_right_to_look(kvt: Tenant, ends: Any, code: int, quick_rounds: None) -> None:
    communicator = await joined(kvt)
    await ends(await User.objects.aget(tenant=kvt))
    assert await communicator.closed_with() == code
    await payment_pushed(kvt)
    assert await communicator.receive_nothing(timeout=0.2)
    await communicator.disconnect()


async def test_figures_go_on_after_a_database_error(
    kvt: Tenant, quick_rounds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    communicator = await joined(kvt)
    failed: list[int] = []

    def fail_twice(*_: Any) -> Any:
        if len(failed) < 2:
            failed.append(1)
            raise OperationalError("the server closed the connection")
        return [{"label": "after"}]

    monkeypatch.setattr(activity, "tiles_cached", fail_twice)
    while (await communicator.next_of("stats"))["tiles"] != [{"label": "after"}]:
        pass
    assert len(failed) == 2
    await communicator.disconnect()


async def test_sockets_of_a_tenant_share_its_figures_and_nobody_elses(
    kvt: Tenant, voisin: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def count(**_: Any) -> list[str]:
        read.append("read")
        return read

    monkeypatch.setattr(tiles, "activity_tiles", count)
    first, second, other = await joined(kvt), await joined(kvt, "lead"), await joined(voisin)
    assert len(read) == 2
    english = await joined(kvt, "read_only", language="en")
    assert len(read) == 3
    for communicator in (first, second, other, english):
        await communicator.disconnect()


def test_figures_do_without_a_cache(kvt: Tenant, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert tiles.tiles_cached(kvt.pk, "fr")[0]["value"] == "0"
    assert tiles.activity_tiles is activity_tiles


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null", b"", b"http://[", b"http://]", b"http://[x]/"])
async def test_a_page_of_another_site_cannot_open_the_socket(kvt: Tenant, origin: bytes) -> None:
    communicator = await sync_to_async(socket)(await person(kvt, "analyst"), (b"origin", origin))
    assert not await communicator.connect()


@pytest.mark.parametrize("path", ["/", "/healthz", "/admin/", "/accounts/login/", "/ws/activity/"])
async def test_the_socket_port_serves_no_pages(path: str) -> None:
    from asgiref.testing import ApplicationCommunicator

    from kivendtout.asgi import application

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [(b"host", b"localhost")]}
    asked = ApplicationCommunicator(application, scope)
    await asked.send_input({"type": "http.request"})
    assert (await asked.receive_output(timeout=5))["status"] == 404


def test_the_page_and_the_way_to_its_sign_in_are_never_kept(kvt: Tenant, client: Client) -> None:
    from tests.conftest import make_person

    anonymous = client.get("/")
    client.force_login(make_person(kvt, "analyst"))
    page = client.get("/")
    assert (anonymous.status_code, page.status_code) == (302, 200)
    for response in (anonymous, page):
        assert {"no-store", "private"} <= set(response.headers["Cache-Control"].replace(" ", "").split(","))
