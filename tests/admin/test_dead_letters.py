"""Dead letters in the admin site: whose they are, what is shown of them, and who may send or discard one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from kafka import KafkaProducer

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.models import DeadLetter
from apps.fraud.stream.dead_letters import dead_letter_of
from kivendtout.lib.kafka import ensure_topics
from tests.admin.conftest import ClientOf
from tests.conftest import NOON
from tests.devservices.kafka_servers import Server, free_port
from tests.stream.raw import Raw

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("admin-letters")]
LIST = "/admin/fraud/deadletter/"
SECRET = "name-of-a-person"


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(Path(tmp_path_factory.mktemp("letters")) / "kafka").start()
    yield server
    server.stop()


@pytest.fixture
def letters(own_broker: Server, settings: Any, tenant: Tenant) -> str:
    """The topic: a letter of ours, one of the neighbour's, one of nobody's."""
    topic = f"payments-{uuid.uuid4().hex[:8]}"
    settings.KAFKA_BOOTSTRAP_SERVERS, settings.TOPICS = [own_broker.bootstrap], {topic: 1}
    ensure_topics()
    producer = KafkaProducer(bootstrap_servers=own_broker.bootstrap)
    for slug, code in (("kivendtout", "invalid"), ("voisin", "malformed"), ("", "no_tenant")):
        value = f'{{"payment_id": "P-{slug}", "note": "{SECRET}"}}'.encode()
        message = Raw(topic, 0, 7, b"C1", value, [("tenant", slug.encode())])
        dead = dead_letter_of(message, f"Of {slug or 'nobody'}.", code, failed_at=NOON)
        producer.send(dead.topic, key=dead.key, value=dead.value, headers=dead.headers).get(timeout=10)
    producer.close()
    return topic


def page(topic: str, act: str = "letter", offset: int = 0) -> str:
    return f"{LIST}letter/{quote(f'{topic}.dlq[0]@{offset}')}/{act}/"


def test_the_list_shows_the_own_tenants_letters_only(letters: str, client_of: ClientOf) -> None:
    said = client_of("administrator").get(LIST).content.decode()
    assert "Of kivendtout." in said and f"{letters}.dlq[0]@0" in said
    assert "Of voisin." not in said and "Of nobody." not in said
    assert SECRET not in said


def test_a_superuser_sees_those_of_nobody_too(letters: str, client_of: ClientOf, cast: dict[str, User]) -> None:
    User.objects.filter(pk=cast["administrator"].pk).update(is_superuser=True)
    said = client_of("administrator").get(LIST).content.decode()
    assert "Of kivendtout." in said and "Of nobody." in said


def test_filters_choose_and_nonsense_chooses_nothing(letters: str, client_of: ClientOf) -> None:
    client = client_of("administrator")
    assert "Of kivendtout." in client.get(f"{LIST}?topic={letters}&code=invalid").content.decode()
    assert "Of kivendtout." not in client.get(f"{LIST}?code=malformed").content.decode()
    assert "Of kivendtout." not in client.get(f"{LIST}?state=handled").content.decode()
    assert "Of kivendtout." in client.get(f"{LIST}?topic=<script>&code=x&state=%00").content.decode()


def test_a_letters_page_masks_its_message(letters: str, client_of: ClientOf) -> None:
    said = client_of("administrator").get(page(letters)).content.decode()
    assert "payment_id" in said and "Of kivendtout." in said
    assert SECRET not in said and "P-kivendtout" not in said


@pytest.mark.parametrize("offset", [1, 2, 99])
def test_what_is_not_the_own_tenants_is_not_there(letters: str, client_of: ClientOf, offset: int) -> None:
    for act in ("letter", "retry", "discard"):
        assert client_of("administrator").get(page(letters, act, offset))["location"] == LIST
    assert client_of("administrator").post(page(letters, "retry", offset), {"reason": "Mine?"})["location"] == LIST
    assert client_of("lead").post(page(letters, "reveal", offset), {"reason": "Curiosity alone."})["location"] == LIST
    assert not DeadLetter.objects.exists()


def test_the_outsider_sees_the_neighbours_own_and_may_do_nothing_here(letters: str, client_of: ClientOf) -> None:
    client = client_of("outsider")
    said = client.get(LIST).content.decode()
    assert "Of voisin." in said and "Of kivendtout." not in said
    assert client.get(page(letters))["location"] == LIST


@pytest.mark.parametrize("role", ["analyst", "read_only", "developer", "compliance_officer", "partner"])
def test_other_roles_see_no_letters(letters: str, client_of: ClientOf, role: str) -> None:
    client = client_of(role)
    for url in (LIST, page(letters), page(letters, "retry"), page(letters, "discard")):
        assert client.get(url).status_code == 403
        assert client.post(url, {"reason": "Please let me."}).status_code in {403, 405}


def test_an_administrator_sends_a_letter_again_with_a_reason(letters: str, client_of: ClientOf) -> None:
    client, url = client_of("administrator"), page(letters, "retry")
    assert "Send the message again?" in client.get(url).content.decode()
    assert client.post(url, {"reason": ""}).status_code == 200 and not DeadLetter.objects.exists()

    answer = client.post(url, {"reason": "The customer is loaded now."}, follow=True).content.decode()

    assert "The message was sent again." in answer
    row = DeadLetter.objects.get()
    assert (row.state, row.by, row.retried_to) == ("retried", "administrator@kivendtout.example", f"{letters}[0]@0")
    entry = AuditEntry.objects.filter(object_repr=str(row)).latest("pk")
    assert entry.actor_email == row.by
    assert "handled this message already" in client.post(url, {"reason": "Again."}, follow=True).content.decode()
    assert "Of kivendtout." in client.get(f"{LIST}?state=handled").content.decode()
    assert str(row) in client.get(f"{LIST}{row.pk}/change/").content.decode()


def test_a_lead_looks_with_a_reason_and_acts_not(letters: str, client_of: ClientOf) -> None:
    client = client_of("lead")
    assert client.post(page(letters, "retry"), {"reason": "I would like to."}).status_code == 403
    assert SECRET not in client.post(page(letters, "reveal"), {"reason": "short"}).content.decode()
    answer = client.post(page(letters, "reveal"), {"reason": "To tell the sender what is wrong."})
    assert SECRET in answer.content.decode() and "no-store" in answer["cache-control"]
    look = AuditEntry.objects.filter(action=AuditEntry.Action.ACCESS).latest("pk")
    assert (look.object_pk, look.actor_email) == (f"{letters}.dlq[0]@0", "lead@kivendtout.example")
    assert look.additional_data["reason"] == "To tell the sender what is wrong."
    assert client_of("administrator").get(page(letters, "reveal")).status_code == 403


def test_without_kafka_the_page_says_so(client_of: ClientOf, settings: Any) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = [f"127.0.0.1:{free_port()}"]
    client = client_of("administrator")
    answer = client.get(LIST)
    assert answer.status_code == 200 and "Kafka does not answer" in answer.content.decode()
    assert client.get(page("payments"))["location"] == LIST
