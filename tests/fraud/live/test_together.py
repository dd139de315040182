"""Three processes number at once, clients come and go as they like: each hears every change, in order, once."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from typing import Any
from urllib.parse import quote

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from apps.compliance.models import Tenant, User
from apps.fraud.live import alerts as alerts_module
from apps.fraud.live import feed as feed_module
from apps.fraud.live.groups import alert_changes_tell
from apps.fraud.selectors.alert_feed import alerts_number
from kivendtout.env import BASE_DIR
from tests.fraud.live.cast import listening, make_alert, person
from tests.web.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)

TELLERS, ROUNDS, CLIENTS = 3, 40, 8


def tellers(tenant: Tenant, prefix: str, seed: int) -> list[subprocess.Popen[str]]:
    alert = make_alert(tenant)
    at = connection.settings_dict
    login = f"{quote(at['USER'])}:{quote(at['PASSWORD'])}"
    url = f"postgres://{login}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    addresses = dict.fromkeys(("DATABASE_URL", "DATABASE_OWNER_URL"), url)
    environment = {**os.environ, **addresses, "KVT_AS_OWNER": "1", "DJANGO_SETTINGS_MODULE": "kivendtout.settings"}
    command = [sys.executable, "-m", "tests.fraud.live.teller", str(tenant.pk), str(alert.pk), prefix, str(ROUNDS)]
    return [
        subprocess.Popen(
            [*command, str(seed * 100 + n)], env=environment, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True
        )
        for n in range(TELLERS)
    ]


def committed(processes: list[subprocess.Popen[str]]) -> int:
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * TELLERS
    return sum(int(text.strip().splitlines()[-1]) for text in said)


class Visitor:
    """A page that loses its connection whenever it likes, and asks for what came after the last it has seen."""

    def __init__(self, someone: User, draw: random.Random) -> None:
        self.person, self.draw = someone, draw
        self.heard: list[int] = []
        self.visits = 0
        self.resets = 0

    async def follow(self, enough: asyncio.Event, total: list[int]) -> None:
        while not (enough.is_set() and self.heard and self.heard[-1] >= total[0]):
            socket = await listening(self.person, after=self.heard[-1] if self.heard else 0)
            self.visits += 1
            await self._listen(socket, self.draw.random() * 0.6)
            await socket.disconnect()

    async def _listen(self, socket: Socket, seconds: float) -> None:
        for message in await socket.heard(seconds):
            self.resets += message["type"] == "reset"
            self.heard += [one["number"] for one in message.get("alerts", ())]


@pytest.mark.parametrize("seed", [1, 2])
async def test_everybody_hears_every_change_in_order_once(
    kvt: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    # Small pages, so that resuming takes several and live ones arrive in between.
    monkeypatch.setattr(alerts_module, "PAGE", 7)
    monkeypatch.setattr(feed_module, "PAGE", 5)
    analyst = await person(kvt, "analyst")
    prefix = settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"]
    processes = await sync_to_async(tellers)(kvt, prefix, seed)
    visitors = [Visitor(analyst, random.Random(seed * 1_000 + n)) for n in range(CLIENTS)]
    enough, total = asyncio.Event(), [0]
    following = [asyncio.create_task(one.follow(enough, total)) for one in visitors]
    total[0] = await asyncio.to_thread(committed, processes)
    await sync_to_async(alert_changes_tell)()  # what the last to number may have left to the next turn
    enough.set()
    async with asyncio.timeout(60):
        await asyncio.gather(*following)
    assert total[0] == await sync_to_async(alerts_number)(kvt.pk) > 100
    for one in visitors:
        assert one.heard == list(range(1, total[0] + 1))
        assert one.resets == 0
        assert one.visits > 1
