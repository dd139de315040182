"""Labels in the admin site: what was told when, how long labels take, and a file that shows what it does first."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from redis.exceptions import ConnectionError as RedisDown

from apps.fraud.models import FraudLabel, LabelVersion
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.conftest import ClientOf
from tests.admin.pages import list_url, object_url
from tests.admin.world import World

pytestmark = pytest.mark.django_db
IMPORT = "/admin/fraud/fraudlabel/import/"
GOOD = "payment_id;is_fraud;known_at\nPAY0000042;no;2026-02-20T10:00:00Z\n"


def upload(client: Client, text: str | bytes, source: str = "chargeback") -> str:
    file = SimpleUploadedFile("labels.csv", text if isinstance(text, bytes) else text.encode())
    return client.post(IMPORT, {"file": file, "source": source}).content.decode()


def token(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    return found[1] if found else ""


def stored(world: World) -> list[tuple[Any, ...]]:
    with tenant_scope(world.tenant.pk):
        return list(FraudLabel.objects.order_by("source").values_list("source", "is_fraud"))


def test_a_label_tells_each_version_of_itself(world: World, client_of: ClientOf) -> None:
    with tenant_scope(world.tenant.pk):
        FraudLabel.objects.filter(pk=world.label.pk).update(is_fraud=False, pattern="takeover")
    page = client_of("read_only").get(object_url(world.label)).content.decode()
    versions = page[page.index("As it was told") :]
    assert "card_testing" in versions
    assert versions.index("takeover") < versions.index("card_testing")  # the latest first
    assert 'id="versions"' not in client_of("outsider").get(object_url(world.label), follow=True).content.decode()


def test_the_list_says_how_long_labels_take(world: World, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    page = client_of("analyst").get(list_url(world.label)).content.decode()
    assert "How long labels take to arrive" in page
    assert "Whoever is first" in page

    def down(*_args: Any, **_named: Any) -> None:
        raise RedisDown

    monkeypatch.setattr(cache, "get", down)
    monkeypatch.setattr(cache, "set", down)
    assert "Whoever is first" in client_of("analyst").get(list_url(world.label)).content.decode()
    assert "There are no labels yet" in client_of("outsider").get(list_url(world.label)).content.decode()


def test_a_file_shows_what_it_would_do_and_is_recorded_once_confirmed(world: World, client_of: ClientOf) -> None:
    client = client_of("lead")
    page = upload(client, GOOD + "nobody;yes;2026-02-20\nPAY0000042;maybe;2026-02-20\n")
    assert "New: 1. Turned: 0." in page
    assert "Invalid (2)" in page
    assert "payment_id nobody is not a known payment" in page
    assert stored(world) == [("analyst", True)]
    answer = client.post(IMPORT, {"token": token(page)}, follow=True).content.decode()
    assert "1 labels recorded, 0 changed, 0 known already." in answer
    assert stored(world) == [("analyst", True), ("chargeback", False)]
    again = client.post(IMPORT, {"token": token(page)}).content.decode()
    assert "This preview has expired or was used already." in again
    assert "Known already: 1." in upload(client, GOOD)
    with tenant_scope(world.tenant.pk):
        assert LabelVersion.objects.count() == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("payment_id\nx\n", "The first line must name each of these columns once"),
        (b"\xff\xfe", "The file is not UTF-8 text"),
        ("", "empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_why(
    world: World, client_of: ClientOf, text: str | bytes, words: str
) -> None:
    page = upload(client_of("lead"), text)
    assert words in page
    assert not token(page)


def test_what_waits_for_confirmation_holds_no_line_that_was_refused(
    world: World, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bytes] = []
    packer = SimpleNamespace(compress=lambda data, _level: kept.append(data) or data)
    monkeypatch.setattr("apps.fraud.admin.label_import.zlib", packer)
    page = upload(client_of("lead"), GOOD + "4111111111111111;yes;2026-02-20\n")
    assert b"PAY0000042" in kept[0]
    assert b"4111111111111111" not in kept[0]
    assert "4111111111111111" not in page


def test_only_who_may_reaches_the_page_and_a_preview_is_its_makers_own(world: World, client_of: ClientOf) -> None:
    for role in ("analyst", "read_only", "compliance_officer", "developer"):
        assert client_of(role).get(IMPORT).status_code == 403, role
        assert "/import/" not in client_of(role).get(list_url(world.label)).content.decode(), role
    for role in ("lead", "administrator"):
        assert client_of(role).get(IMPORT).status_code == 200, role
        assert IMPORT in client_of(role).get(list_url(world.label)).content.decode(), role
    made = token(upload(client_of("lead"), GOOD))
    for other in ("administrator", "outsider"):
        page = client_of(other).post(IMPORT, {"token": made}).content.decode()
        assert "This preview has expired" in page, other
    page = upload(client_of("outsider"), GOOD)
    assert "payment_id PAY0000042 is not a known payment" in page
    assert not token(page) or 'type="submit">Import' not in page
    assert stored(world) == [("analyst", True)]
