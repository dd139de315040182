"""The registry's client, against the documented API and, where it can be had, a real registry."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from apps.payments.events import PaymentEvent, decode, encode
from kivendtout.lib.events import outgoing
from kivendtout.lib.events.avro_schema import avro_schema
from kivendtout.lib.events.errors import UnknownSchema
from kivendtout.lib.events.registry import SchemaRefused, SchemaRegistry, SchemaRegistryUnavailable, schema_registry
from tests.devservices.kafka_servers import free_port
from tests.events.registry_server import RegistryServer
from tests.events.wire import frame, schema_with
from tests.ingestion.messages import NOW, order_event, payment_event

SCHEMA = avro_schema(PaymentEvent)
GROWN = schema_with(PaymentEvent, colour="string")


def test_a_schema_keeps_its_number(registry_url: str, subject: str) -> None:
    number = SchemaRegistry(registry_url).number(subject, SCHEMA)

    assert SchemaRegistry(registry_url).number(subject, SCHEMA) == number
    assert SchemaRegistry(registry_url).schema(number) == SCHEMA


def test_a_new_subject_gets_the_rule_that_new_code_reads_old_messages(registry_url: str, subject: str) -> None:
    found = SchemaRegistry(registry_url)
    found.number(subject, SCHEMA)

    assert found.compatibility(subject) == "BACKWARD"


def test_what_breaks_the_rule_is_refused_with_the_subject(registry_url: str, subject: str) -> None:
    found = SchemaRegistry(registry_url)
    assert found.fits(subject, SCHEMA)
    found.number(subject, SCHEMA)

    assert found.fits(subject, SCHEMA)
    assert not found.fits(subject, GROWN)
    with pytest.raises(SchemaRefused, match=f"refuses the schema of {subject} as incompatible"):
        found.number(subject, GROWN)


def test_a_number_that_nobody_has_is_no_outage(registry_url: str) -> None:
    with pytest.raises(UnknownSchema, match=r"has no schema 2147483000\."):
        SchemaRegistry(registry_url).schema(2_147_483_000)


def test_a_message_goes_through_it_and_back(registry_url: str, settings: Any) -> None:
    settings.SCHEMA_REGISTRY_URL = registry_url

    raw = outgoing("payments", encode(payment_event()))

    assert raw[:1] == b"\0"
    assert decode(PaymentEvent, raw, now=NOW) == payment_event()


def test_a_rule_that_somebody_chose_stays(registry: RegistryServer) -> None:
    registry.rules["payments-value"] = "FULL_TRANSITIVE"

    outgoing("payments", encode(payment_event()))

    assert registry.rules == {"payments-value": "FULL_TRANSITIVE"}


def test_no_rule_at_all_is_not_a_choice(registry: RegistryServer) -> None:
    registry.rules["payments-value"] = "NONE"

    outgoing("payments", encode(payment_event()))

    assert registry.rules == {"payments-value": "BACKWARD"}


def test_it_is_asked_once_a_schema(registry: RegistryServer) -> None:
    for _time in range(100):
        decode(PaymentEvent, outgoing("payments", encode(payment_event())), now=NOW)

    assert registry.asked == [
        "POST /subjects/payments-value/versions",
        "GET /config/payments-value",
        "PUT /config/payments-value",
        "GET /schemas/ids/1",
    ]


def test_a_thousand_poisoned_messages_ask_once(registry: RegistryServer) -> None:
    for _time in range(1_000):
        with pytest.raises(UnknownSchema):
            decode(PaymentEvent, frame(9, b"x"), now=NOW)

    assert registry.asked == ["GET /schemas/ids/9"]


@pytest.mark.parametrize(
    "mood", [(500, {}), (503, {}), (429, {}), (401, {}), (403, {}), (404, {}), (404, {"error_code": 404}), (200, {}),
             (200, {"schema": "{"}), (200, {"schema": 7})],
)  # fmt: skip
def test_an_answer_that_tells_nothing_about_the_message_is_an_outage(registry: RegistryServer, mood: Any) -> None:
    """A proxy's 404, or wrong credentials, must not bury messages that are sound."""
    registry.mood = mood

    with pytest.raises(SchemaRegistryUnavailable) as away:
        decode(PaymentEvent, frame(1, b"x"), now=NOW)

    assert away.value.status == 503
    assert "Check SCHEMA_REGISTRY_URL, then retry; messages wait." in away.value.message


def test_a_registry_that_is_away_is_an_outage_and_over_when_it_is_back(registry: RegistryServer) -> None:
    raw = outgoing("payments", encode(payment_event()))
    registry.mood = (500, {})
    with pytest.raises(SchemaRegistryUnavailable):
        decode(PaymentEvent, frame(1, raw[5:]), now=NOW)
    with pytest.raises(SchemaRegistryUnavailable):
        outgoing("orders", encode(order_event()))

    registry.mood = None

    assert decode(PaymentEvent, raw, now=NOW) == payment_event()


def test_nobody_at_its_address_is_an_outage(settings: Any) -> None:
    settings.SCHEMA_REGISTRY_URL = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(SchemaRegistryUnavailable, match="ConnectionRefusedError"):
        outgoing("payments", encode(payment_event()))


def test_user_and_password_travel_in_a_header_and_are_never_told(
    registry: RegistryServer, settings: Any, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.SCHEMA_REGISTRY_URL = registry.url.replace("://", "://ann:s%40cret@")
    registry.mood = (401, {})

    with pytest.raises(SchemaRegistryUnavailable) as away:
        outgoing("payments", encode(payment_event()))

    found = schema_registry()
    assert found is not None
    told = f"{away.value} {away.value.__cause__} {found.address} {found!r} {caplog.text} {''.join(capsys.readouterr())}"
    assert registry.authorization == ["Basic YW5uOnNAY3JldA=="]
    assert not [secret for secret in ("s@cret", "s%40cret", "YW5uOnNAY3JldA==", "ann:") if secret in told]
