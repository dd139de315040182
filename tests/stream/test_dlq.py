"""What the command `dlq` does with dead letters, on both kinds of broker, and when it is cut short."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from apps.compliance.models import AuditEntry, Tenant
from apps.fraud.models import DeadLetter
from apps.fraud.services import dead_letters as services
from apps.fraud.services import letters as service_letters
from apps.fraud.services.dead_letters import Actor, Sent, dead_letters_retry
from apps.fraud.services.letters import letters_reader
from apps.fraud.stream.dead_letters import MOST_BYTES, dead_letter_of
from kivendtout.lib.clock import now
from kivendtout.lib.kafka import ensure_topics
from tests.devservices.kafka_servers import ApacheServer, Server, apache_libs, free_port, why_no_apache
from tests.stream.conftest import TRACEPARENT
from tests.stream.raw import Raw

NOON = datetime(2025, 12, 1, 12, 0, tzinfo=UTC)
CARD = "4111 1111 1111 1111"


@pytest.fixture(scope="session")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if reason := why_no_apache():
        pytest.skip(reason)
    server = ApacheServer(tmp_path_factory.mktemp("letters") / "apache", "--libs", str(apache_libs()))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(
    params=[
        pytest.param("broker", marks=pytest.mark.xdist_group("stream")),
        pytest.param("apache", marks=[pytest.mark.apache_kafka, pytest.mark.xdist_group("kafka-apache")]),
    ]
)
def kafka(request: pytest.FixtureRequest, settings: Any) -> Server:
    server: Server = request.getfixturevalue(request.param)
    settings.KAFKA_BOOTSTRAP_SERVERS = [server.bootstrap]
    return server


@pytest.fixture
def topic(settings: Any) -> str:
    """A topic of this test's own."""
    name = f"payments-{uuid.uuid4().hex[:8]}"
    settings.TOPICS = {name: 1}
    return name


@pytest.fixture
def bury(kafka: Server, topic: str) -> Iterator[Callable[..., None]]:
    ensure_topics()
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)

    def put(*values: bytes, code: str = "invalid", **headers: bytes | None) -> None:
        told = {"tenant": b"kivendtout", "traceparent": TRACEPARENT.encode(), **headers}
        for value in values:
            message = Raw(topic, 0, 7, b"C1", value, list(told.items()))
            dead = dead_letter_of(message, f"Not {len(value)} bytes.", code, failed_at=NOON)
            producer.send(dead.topic, key=dead.key, value=dead.value, headers=dead.headers).get(timeout=10)

    yield put
    producer.close()


def dlq(*words: str) -> dict[str, Any]:
    out = StringIO()
    call_command("dlq", *words, "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def refused(*words: str) -> tuple[dict[str, Any], str]:
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("dlq", *words, "--json", stdout=out)
    return json.loads(out.getvalue() or "{}"), str(error.value)


def messages(kafka: Server, topic: str) -> list[Any]:
    consumer, part = KafkaConsumer(bootstrap_servers=kafka.bootstrap), TopicPartition(topic, 0)
    end = consumer.end_offsets([part])[part]
    consumer.assign([part])
    consumer.seek(part, 0)
    found: list[Any] = []
    while len(found) < end:
        found += consumer.poll(timeout_ms=500).get(part, [])
    consumer.close()
    return found


@pytest.mark.django_db
def test_letters_are_counted_by_topic_and_fault_and_shown_newest_first(bury: Any, topic: str) -> None:
    bury(b"one", b"two", code="malformed")
    bury(b"three")

    told = dlq("list")

    assert (told["open"], told["handled"], told["read"]) == (3, 0, 3)
    assert [(one["topic"], one["code"], one["open"]) for one in told["summary"]] == [
        (topic, "invalid", 1),
        (topic, "malformed", 2),
    ]
    assert [one["place"] for one in told["letters"]] == [f"{topic}.dlq[0]@{n}" for n in (2, 1, 0)]
    assert told["letters"][0] | {"dead_since": ""} == {
        "place": f"{topic}.dlq[0]@2", "source": f"{topic}[0]@7", "topic": topic, "code": "invalid",
        "reason": "Not 5 bytes.", "tenant": "kivendtout", "trace_id": "c" * 32, "dead_since": "",
        "failed_at": NOON.isoformat(), "retries": 0, "bytes": 5, "masked": None, "cut": None, "state": "open",
    }  # fmt: skip
    assert len(dlq("list", "--code", "malformed", "--limit", "1")["letters"]) == 1
    assert dlq("list", "--topic", f"{topic}.dlq")["open"] == 3


@pytest.mark.django_db
def test_a_letter_is_shown_whole_by_its_place_or_its_source_and_the_look_is_audited(bury: Any, topic: str) -> None:
    bury(b'{"name": "\xc3\xa9"}', b"\xff\x00")
    assert dlq("show", f"{topic}.dlq[0]@0")["payload"] == '{"name": "é"}'
    newest = dlq("show", f"{topic}[0]@7")
    assert (newest["place"], newest["payload"], newest["payload_hex"]) == (f"{topic}.dlq[0]@1", None, "ff00")
    looks = AuditEntry.objects.filter(action=AuditEntry.Action.ACCESS).order_by("pk")
    assert [entry.object_pk for entry in looks] == [f"{topic}.dlq[0]@0", f"{topic}.dlq[0]@1"]


@pytest.mark.django_db
def test_a_letter_is_sent_again_as_it_was_and_only_once(tenant: Tenant, bury: Any, kafka: Server, topic: str) -> None:
    bury(b'{"a": 1}', retries=b"1")
    place = f"{topic}.dlq[0]@0"

    [done] = dlq("retry", place)["done"]

    assert (done["state"], done["retried_to"]) == ("retried", f"{topic}[0]@0")
    [message] = messages(kafka, topic)
    assert (message.key, message.value) == (b"C1", b'{"a": 1}')
    assert dict(message.headers) == {"retries": b"2", "tenant": b"kivendtout", "traceparent": TRACEPARENT.encode()}
    told, said = refused("retry", place)
    assert f"{place} was sent again by" in told["refused"][0]["why"] and said.startswith("1 of them")
    assert len(messages(kafka, topic)) == 1
    assert dlq("list")["letters"] == []
    assert dlq("list", "--all")["letters"][0]["state"] == "retried"
    trail = AuditEntry.objects.filter(object_repr=place).order_by("pk")
    assert [(entry.action, entry.tenant_id) for entry in trail] == [
        (AuditEntry.Action.CREATE, tenant.pk),
        (AuditEntry.Action.UPDATE, tenant.pk),
    ]


@pytest.mark.django_db
def test_many_are_chosen_by_topic_and_fault(bury: Any, kafka: Server, topic: str) -> None:
    bury(*[f"{n}".encode() for n in range(120)], code="not_stored")
    bury(b"another")

    assert len(dlq("retry", "--topic", topic, "--code", "not_stored", "--all")["done"]) == 120

    assert sorted(int(message.value) for message in messages(kafka, topic)) == list(range(120))
    assert dlq("list")["open"] == 1
    assert dlq("retry", "--code", "not_stored")["done"] == []


@pytest.mark.django_db
def test_discarded_letters_are_out_of_the_way_and_the_reason_is_kept(bury: Any, kafka: Server, topic: str) -> None:
    bury(b"one", b"two")
    dlq("discard", f"{topic}[0]@7", "--reason", "A sender's test.")  # both were made of that message

    assert dlq("list")["letters"] == []
    assert {one["handled_reason"] for one in dlq("list", "--all")["letters"]} == {"A sender's test."}
    told, _said = refused("retry", f"{topic}.dlq[0]@0")
    assert "was discarded by" in told["refused"][0]["why"]
    assert messages(kafka, topic) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("value", "why"), [(f'"{CARD}"'.encode(), "held a card number"), (b"x" * (MOST_BYTES + 1), "is cut")]
)
def test_what_is_not_the_message_any_more_is_not_sent(
    bury: Any, kafka: Server, topic: str, value: bytes, why: str
) -> None:
    bury(value)
    told, _said = refused("retry", f"{topic}.dlq[0]@0")
    assert why in told["refused"][0]["why"]
    assert messages(kafka, topic) == [] and not DeadLetter.objects.exists()
    assert len(dlq("discard", f"{topic}.dlq[0]@0", "--reason", "The sender knows.")["done"]) == 1


@pytest.mark.django_db
def test_a_message_without_a_tenant_can_be_given_one(tenant: Tenant, bury: Any, kafka: Server, topic: str) -> None:
    bury(b"{}", code="no_tenant", tenant=None)
    assert dlq("list")["letters"][0]["tenant"] is None
    assert "no tenant 'nobody'" in refused("retry", f"{topic}.dlq[0]@0", "--tenant", "nobody")[1]
    dlq("retry", f"{topic}.dlq[0]@0", "--tenant", tenant.slug)
    assert dict(messages(kafka, topic)[0].headers)["tenant"] == b"kivendtout"


@pytest.mark.django_db
def test_a_topic_made_anew_begins_with_letters_that_nobody_has_handled(bury: Any, kafka: Server, topic: str) -> None:
    bury(b"one")
    dlq("discard", f"{topic}.dlq[0]@0", "--reason", "No use.")
    DeadLetter.objects.update(stamped_at=NOON)  # as if it had been in the topic of before

    assert dlq("list")["letters"][0]["state"] == "open"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "payments.dlq"), "is no place of a message"),
        (("show", "nowhere.dlq[0]@0"), "There is no topic 'nowhere'"),
        (("retry",), "Name letters by their places"),
        (("discard", "x[0]@1", "--reason", f"Held {CARD}"), "There is no topic"),
        (("discard", "--code", "invalid", "--reason", f"Held {CARD}"), "without card numbers"),
        (("retry", "--code", "invalid", "--by", "nobody@x.example"), "Nobody has the e-mail address"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(bury: Any, topic: str, words: tuple[str, ...], said: str) -> None:
    bury(b"one")
    assert said in refused(*words)[1]
    assert not DeadLetter.objects.exists()


@pytest.mark.django_db
def test_a_place_where_there_is_nothing_is_said_so(bury: Any, topic: str) -> None:
    bury(b"one")
    for place in (f"{topic}.dlq[0]@1", f"{topic}.dlq[4]@0", f"{topic}[0]@8"):
        assert f"There is no dead letter at {place}" in refused("show", place)[1]


@pytest.mark.django_db
def test_without_a_reason_nothing_is_discarded(bury: Any, topic: str) -> None:
    bury(b"one")
    assert "Say why" in refused("discard", f"{topic}.dlq[0]@0", "--reason", "  ")[1]


# --- when it is cut short -------------------------------------------------------------------------------------------
@pytest.fixture
def own(settings: Any, tmp_path: Path) -> Iterator[Server]:
    """A broker that the test may take away."""
    server = Server(tmp_path / "broker").start()
    settings.KAFKA_BOOTSTRAP_SERVERS = [server.bootstrap]
    yield server
    server.stop()


def read_all(topic: str) -> list[Any]:
    with letters_reader() as reader:
        return list(reader.read([topic], values=True))


@pytest.fixture
def one_letter(own: Server, topic: str) -> Any:
    ensure_topics()
    producer = KafkaProducer(bootstrap_servers=own.bootstrap)
    dead = dead_letter_of(Raw(topic, 0, 7, b"C1", b"{}"), "No use.", failed_at=NOON)
    producer.send(dead.topic, key=dead.key, value=dead.value, headers=dead.headers).get(timeout=10)
    producer.close()
    return read_all(topic)[0]


@pytest.mark.django_db
def test_a_retry_that_dies_after_its_claim_is_seen_and_taken_up_by_the_next(
    one_letter: Any, own: Server, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(_letters: Any) -> Any:
        raise Killed

    monkeypatch.setattr(services, "_let_go", lambda rows: None)  # as nothing runs after a kill -9
    with pytest.raises(Killed):
        dead_letters_retry(letters=[one_letter], actor=Actor("anne"), now=now, send=die)
    assert DeadLetter.objects.get().state == "retrying"
    told, _said = refused("retry", str(one_letter.place))
    assert "is being sent again by anne" in told["refused"][0]["why"]

    DeadLetter.objects.update(claimed_at=now() - services.LEASE)
    assert dlq("list")["letters"][0]["state"] == "interrupted"
    assert dlq("retry", str(one_letter.place))["done"][0]["retried_to"] == f"{topic}[0]@0"
    assert len(messages(own, topic)) == 1


@pytest.mark.django_db
def test_of_two_who_act_at_once_one_sends(one_letter: Any) -> None:
    sent: list[Any] = []

    def never(letters: Any) -> Any:
        raise AssertionError(letters)

    def meanwhile(letters: Any) -> Any:
        other = dead_letters_retry(letters=[one_letter], actor=Actor("bob"), now=now, send=never)
        assert other.refused and not other.done
        sent.extend(letters)
        return [Sent(one, "there") for one in letters]

    acted = dead_letters_retry(letters=[one_letter], actor=Actor("anne"), now=now, send=meanwhile)
    assert [row.by for row in acted.done] == ["anne"]
    assert sent == [one_letter]


@pytest.mark.django_db
def test_without_kafka_the_command_says_so_and_nothing_is_claimed(settings: Any, topic: str) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = [f"127.0.0.1:{free_port()}"]
    for words in (("list",), ("show", f"{topic}.dlq[0]@0"), ("retry", f"{topic}.dlq[0]@0")):
        assert refused(*words) == (
            {},
            "Kafka does not answer. Check that KAFKA_BOOTSTRAP_SERVERS names a broker that runs, then retry.",
        )
    assert not DeadLetter.objects.exists()


@pytest.mark.django_db
def test_a_letter_that_kafka_does_not_take_can_be_sent_at_once_when_it_is_back(
    one_letter: Any, own: Server, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(service_letters, "_send", lambda *_told: [])  # nothing was acknowledged
        told, said = refused("retry", str(one_letter.place))
    assert told["not_taken"] == [str(one_letter.place)] and "Nothing is lost" in said
    assert dlq("list")["letters"][0]["state"] == "interrupted"

    assert len(dlq("retry", str(one_letter.place))["done"]) == 1
    assert len(messages(own, topic)) == 1


@pytest.mark.django_db
def test_reading_stops_at_what_was_there_and_leaves_older_letters_out_when_there_are_too_many(
    own: Server, topic: str
) -> None:
    ensure_topics()
    producer = KafkaProducer(bootstrap_servers=own.bootstrap)
    for n in range(30):
        producer.send(f"{topic}.dlq", value=str(n).encode())
    producer.flush()
    with letters_reader() as reader:
        found = []
        for letter in reader.read([topic], most=10, values=True):
            found.append(int(letter.value))
            producer.send(f"{topic}.dlq", value=b"later").get(timeout=10)
        assert (found, reader.skipped) == (list(range(20, 30)), 20)
    producer.close()


@pytest.mark.django_db
def test_letters_that_another_program_wrote_are_listed_too(own: Server, topic: str) -> None:
    ensure_topics()
    producer = KafkaProducer(bootstrap_servers=own.bootstrap)
    strange = [("reason", b"\x1b[31mred\x00"), ("code", b"\xff"), ("bytes", "²".encode())]
    producer.send(f"{topic}.dlq", key=b"k", value=None, headers=strange).get(timeout=10)
    producer.close()
    [letter] = dlq("list")["letters"]
    assert letter["reason"].strip() == "[31mred" and letter["code"] is None and letter["bytes"] == 0
    out = StringIO()
    call_command("dlq", "list", stdout=out)
    assert "\x1b" not in out.getvalue() and f"{topic}.dlq[0]@0" in out.getvalue()


def test_a_claim_is_older_than_any_send_can_be() -> None:
    assert timedelta(seconds=service_letters.ACK_SECONDS + 10) < services.LEASE
