"""The alerts' socket, through the real routing, sessions, origin check and channel layer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.test import Client

from apps.compliance.models import Tenant, User
from apps.fraud.live import alerts as alerts_module
from apps.fraud.live import feed as feed_module
from apps.fraud.live.groups import alert_changes_tell
from apps.fraud.models import AlertChange, FraudAlert
from apps.fraud.services.alert_changes import alert_changes_number
from kivendtout.lib import live_rights, live_socket
from kivendtout.lib.live_rights import REFUSED, SIGNED_OUT
from kivendtout.lib.tenancy import across_tenants
from tests.fraud.live.cast import (
    alerts_raised,
    alerts_socket,
    listening,
    make_alert,
    note,
    numbers,
    person,
    raise_alerts,
)
from tests.web.live_cast import ORIGIN

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def analyst(kvt: Tenant) -> User:
    return await person(kvt, "analyst")


@pytest.fixture
def no_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is seen in time was pushed, not found by a round."""
    monkeypatch.setattr(live_rights, "ROUND_SECONDS", 3_600.0)
    monkeypatch.setattr(feed_module, "ROUND_SECONDS", 3_600.0)


@pytest.fixture
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_rights, "ROUND_SECONDS", 0.05)
    monkeypatch.setattr(feed_module, "ROUND_SECONDS", 0.05)


# --- in order, once ---------------------------------------------------------------------------------------------------
async def test_it_says_hello_with_the_latest_number(kvt: Tenant, analyst: User) -> None:
    await alerts_raised(kvt, 3)
    socket = await listening(analyst)
    assert socket.hello == {"type": "hello", "number": 3}
    await socket.disconnect()


async def test_a_new_alert_is_pushed_as_the_page_shows_it(kvt: Tenant, analyst: User, no_round: None) -> None:
    socket = await listening(analyst, language="en")
    [alert] = await alerts_raised(kvt)
    message = await socket.next_of("alerts")
    assert (message["first"], message["number"]) == (1, 1)
    [told] = message["alerts"]
    payment = await sync_to_async(lambda: FraudAlert._base_manager.select_related("payment").get(pk=alert.pk).payment)()
    assert told == {
        "number": 1, "change": "raised", "id": alert.pk, "external_id": alert.external_id,
        "payment": payment.external_id, "payment_url": f"/admin/payments/payment/{payment.pk}/change/",
        "customer": told["customer"], "amount": "42.500", "currency": "EUR", "outcome": "", "outcome_label": "",
        "score": None, "severity": "high", "severity_label": "High", "status": "pending_review",
        "status_label": "Pending review", "open": True, "rule": "CARD_TESTING", "rule_label": "CARD_TESTING",
        "raised_at": "2025-12-01T12:00:00Z", "url": f"/admin/fraud/fraudalert/{alert.pk}/change/",
    }  # fmt: skip
    assert told["customer"].startswith("C")
    await socket.disconnect()


@pytest.mark.parametrize(("language", "label"), [("fr", "Haute"), ("en", "High"), ("xx", "Haute")])
async def test_alerts_speak_the_readers_language(kvt: Tenant, analyst: User, language: str, label: str) -> None:
    socket = await listening(analyst, language=language)
    await alerts_raised(kvt)
    assert (await socket.next_of("alerts"))["alerts"][0]["severity_label"] == label
    await socket.disconnect()


async def test_a_page_that_comes_back_is_told_what_it_missed_then_what_comes(kvt: Tenant, analyst: User) -> None:
    await alerts_raised(kvt, 5)
    socket = await listening(analyst, after=2)
    assert await numbers(socket, 3) == [3, 4, 5]
    await alerts_raised(kvt, 2)
    assert await numbers(socket, 2) == [6, 7]
    await socket.disconnect()


async def test_what_was_missed_comes_in_pages_oldest_first(
    kvt: Tenant, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts_module, "PAGE", 4)
    await alerts_raised(kvt, 10)
    socket = await listening(analyst, after=0)
    pages = [[one["number"] for one in (await socket.next_of("alerts"))["alerts"]] for _ in range(3)]
    assert pages == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    await socket.disconnect()


async def test_an_alert_that_changed_since_is_told_as_it_is_now(kvt: Tenant, analyst: User) -> None:
    [alert] = await alerts_raised(kvt)

    def decide() -> None:
        with across_tenants():
            FraudAlert.objects.filter(pk=alert.pk).update(status="BLOCKED")
        note(kvt, alert, change="status")
        alert_changes_tell()

    await sync_to_async(decide)()
    socket = await listening(analyst, after=0)
    told = (await socket.next_of("alerts"))["alerts"]
    assert [(one["change"], one["status"], one["open"]) for one in told] == [
        ("raised", "blocked", False),
        ("status", "blocked", False),
    ]
    await socket.disconnect()


async def test_a_page_too_far_behind_gets_its_list_anew(
    kvt: Tenant, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts_module, "MOST_BEHIND", 3)
    [alert, *_] = await alerts_raised(kvt, 5)
    socket = await listening(analyst, after=1)
    message = await socket.receive_json()
    assert (message["type"], message["number"]) == ("reset", 5)
    assert [one["id"] for one in message["alerts"]] == [alert.pk]
    await alerts_raised(kvt)
    assert await numbers(socket, 1) == [6]
    await socket.disconnect()


async def test_a_page_that_asks_for_what_is_not_kept_gets_its_list_anew(kvt: Tenant, analyst: User) -> None:
    await alerts_raised(kvt, 3)

    def forget() -> None:
        with across_tenants():
            AlertChange.objects.filter(number__lte=2).delete()

    await sync_to_async(forget)()
    socket = await listening(analyst, after=1)
    assert (await socket.receive_json())["type"] == "reset"
    await socket.disconnect()


async def test_a_number_that_was_never_given_gets_the_list_anew(kvt: Tenant, analyst: User) -> None:
    await alerts_raised(kvt, 2)
    socket = await listening(analyst, after=999)
    assert (await socket.receive_json())["number"] == 2
    await alerts_raised(kvt)
    assert await numbers(socket, 1) == [3]
    await socket.disconnect()


@pytest.mark.parametrize("after", ["", "-1", "x", "1" * 40, "１２", "1.5"])
async def test_nonsense_for_a_number_is_no_number(kvt: Tenant, analyst: User, after: str) -> None:
    await alerts_raised(kvt, 2)
    socket = await listening(analyst, after=after)
    await alerts_raised(kvt)
    assert await numbers(socket, 1) == [3]
    await socket.disconnect()


async def test_a_push_that_was_lost_is_made_good_by_the_next(kvt: Tenant, analyst: User, no_round: None) -> None:
    socket = await listening(analyst)

    def number_without_telling() -> None:
        note(kvt, make_alert(kvt))
        alert_changes_number()

    await sync_to_async(number_without_telling)()
    assert await socket.receive_nothing(timeout=0.2)
    await alerts_raised(kvt)
    assert await numbers(socket, 2) == [1, 2]
    await socket.disconnect()


async def test_a_push_that_was_lost_is_found_by_the_round(kvt: Tenant, analyst: User, quick_rounds: None) -> None:
    socket = await listening(analyst)

    def number_without_telling() -> None:
        note(kvt, make_alert(kvt))
        alert_changes_number()

    await sync_to_async(number_without_telling)()
    assert await numbers(socket, 1) == [1]
    await socket.disconnect()


async def test_pages_of_a_tenant_and_language_share_one_reading(
    kvt: Tenant, analyst: User, monkeypatch: pytest.MonkeyPatch, no_round: None
) -> None:
    read: list[int] = []
    original = feed_module.alerts_changed

    def count(**options: Any) -> Any:
        told = original(**options)
        if told:
            read.append(told.count)
        return told

    sockets = [await listening(analyst) for _ in range(10)]
    monkeypatch.setattr(feed_module, "alerts_changed", count)
    monkeypatch.setattr(alerts_module, "alerts_changed", count)
    await alerts_raised(kvt)
    assert [await numbers(one, 1) for one in sockets] == [[1]] * 10
    assert read == [1]
    for one in sockets:
        await one.disconnect()


# --- who --------------------------------------------------------------------------------------------------------------
async def test_an_outsider_hears_nothing_of_it_whatever_it_asks_for(
    kvt: Tenant, voisin: Tenant, quick_rounds: None
) -> None:
    await alerts_raised(kvt, 3)
    socket = await listening(await person(voisin, "lead"), after=0)
    assert socket.hello["number"] == 0
    await alerts_raised(kvt, 2)
    assert await socket.heard(0.3) == []
    await alerts_raised(voisin)
    assert await numbers(socket, 1) == [1]
    await socket.disconnect()


async def test_nobody_signed_in_and_roles_without_alerts_are_turned_away(kvt: Tenant) -> None:
    for someone, code in ((None, SIGNED_OUT), (await person(kvt, "developer"), REFUSED)):
        socket = await sync_to_async(alerts_socket)(someone, ORIGIN, after=0)
        await socket.connect()
        assert await socket.closed_with() == code


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null", b"", b"http://["])
async def test_a_page_of_another_site_cannot_open_it(analyst: User, origin: bytes) -> None:
    socket = await sync_to_async(alerts_socket)(analyst, (b"origin", origin))
    assert not await socket.connect()


def _sign_out(someone: User) -> None:
    client = Client()
    client.cookies["sessionid"] = Session.objects.get().session_key
    client.post("/accounts/logout/")


def _end_sessions(_someone: User) -> None:
    Session.objects.all().delete()


def _deactivate(someone: User) -> None:
    someone.is_active = False
    someone.save()


def _change_password(someone: User) -> None:
    someone.set_password("another battery staple")
    someone.save()


def _take_role(someone: User) -> None:
    someone.groups.set([Group.objects.get(name="developer")])


def _take_from_the_group(someone: User) -> None:
    Group.objects.get(name="analyst").user_set.remove(someone)


def _empty_the_group(_someone: User) -> None:
    Group.objects.get(name="analyst").user_set.clear()


def _take_the_right_from_the_role(_someone: User) -> None:
    Group.objects.get(name="analyst").permissions.remove(Permission.objects.get(codename="view_fraudalert"))


def _delete_the_group(_someone: User) -> None:
    Group.objects.get(name="analyst").delete()


def _move_to_another_organisation(someone: User) -> None:
    someone.tenant = Tenant.objects.create(slug="ailleurs", name="Ailleurs")
    someone.save()


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        (_sign_out, SIGNED_OUT), (_end_sessions, SIGNED_OUT), (_deactivate, SIGNED_OUT),
        (_change_password, SIGNED_OUT), (_move_to_another_organisation, SIGNED_OUT), (_take_role, REFUSED),
        (_take_from_the_group, REFUSED), (_empty_the_group, REFUSED), (_take_the_right_from_the_role, REFUSED),
        (_delete_the_group, REFUSED),
    ],
)  # fmt: skip
async def test_it_ends_the_moment_the_right_does(
    kvt: Tenant, analyst: User, no_round: None, ends: Any, code: int
) -> None:
    socket = await listening(analyst)
    await sync_to_async(ends)(analyst)
    assert await socket.closed_with() == code
    await alerts_raised(kvt)
    assert await socket.receive_nothing(timeout=0.2)
    await socket.disconnect()


async def test_a_right_taken_without_a_word_ends_it_within_a_round(
    kvt: Tenant, analyst: User, quick_rounds: None
) -> None:
    socket = await listening(analyst)
    await User.objects.filter(pk=analyst.pk).aupdate(is_active=False)
    assert await socket.closed_with() == SIGNED_OUT
    await socket.disconnect()


async def test_a_colleagues_lost_role_ends_nobody_elses_socket(kvt: Tenant, analyst: User, no_round: None) -> None:
    mine, theirs = await listening(await person(kvt, "lead")), await listening(analyst)
    await sync_to_async(_take_role)(analyst)
    assert await theirs.closed_with() == REFUSED
    await alerts_raised(kvt)
    assert await numbers(mine, 1) == [1]
    for one in (mine, theirs):
        await one.disconnect()


# --- a client that does not read --------------------------------------------------------------------------------------
class Clogged:
    """A server whose client takes nothing until the test lets it."""

    def __init__(self, application: Any) -> None:
        self.application = application
        self.reads = asyncio.Event()
        self.reads.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def held(message: Any) -> None:
            await self.reads.wait()
            await send(message)

        await self.application(scope, receive, held)


async def _clogged(someone: User) -> tuple[Any, Clogged]:
    opened = await sync_to_async(alerts_socket)(someone, ORIGIN)
    clog = Clogged(opened.application)
    opened.application = clog
    assert await opened.connect()
    await opened.next_of("hello")
    clog.reads.clear()
    return opened, clog


async def test_a_client_that_does_not_read_keeps_nobody_waiting_and_misses_nothing(
    kvt: Tenant, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_socket, "WAITING", 2)
    slow, clog = await _clogged(analyst)
    quick = await listening(analyst)
    for _ in range(10):
        await alerts_raised(kvt)
        await numbers(quick, 1)
    clog.reads.set()
    assert await numbers(slow, 10) == list(range(1, 11))
    for one in (slow, quick):
        await one.disconnect()


async def test_a_client_that_never_reads_is_let_go_of(
    kvt: Tenant, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_socket, "STUCK_SECONDS", 0.1)
    slow, _clog = await _clogged(analyst)
    await alerts_raised(kvt)
    await slow.wait(timeout=5)  # the application ends by itself
    assert feed_module.feed_of(kvt.pk).followers == set()


def test_telling_does_not_wait_for_anybody(kvt: Tenant) -> None:
    """Whoever tells has nothing to do with clients: no socket process needs to be there at all."""
    assert len(raise_alerts(kvt, 3)) == 3
    assert alert_changes_tell() == 0


async def test_alerts_that_no_worker_numbers_come_with_the_round(
    kvt: Tenant, analyst: User, quick_rounds: None
) -> None:
    socket = await listening(analyst)
    await sync_to_async(lambda: note(kvt, make_alert(kvt)))()
    assert await numbers(socket, 1) == [1]
    await socket.disconnect()


async def test_a_page_whose_list_runs_short_gets_it_anew(kvt: Tenant, analyst: User) -> None:
    [alert] = await alerts_raised(kvt)
    socket = await listening(analyst)
    for _ in range(3):
        await socket.send_json({"type": "list"})
    message = await socket.receive_json()
    assert (message["type"], [one["id"] for one in message["alerts"]]) == ("reset", [alert.pk])
    assert await socket.heard(0.2) == []  # once, however often it asks
    await socket.disconnect()


@pytest.mark.parametrize("nonsense", ["not json", "[]", "{}", '{"type": ["list"]}', '{"type": "resume"}', "5"])
async def test_nonsense_from_the_browser_harms_nobody_else(kvt: Tenant, analyst: User, nonsense: str) -> None:
    quiet, loud = await listening(analyst), await listening(await person(kvt, "lead"))
    await loud.send_input({"type": "websocket.receive", "text": nonsense})
    await alerts_raised(kvt)
    assert await numbers(quiet, 1) == [1]
    await quiet.disconnect()
