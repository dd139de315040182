"""What is written of a decision and of the alert that it raised: to the byte, and as Avro."""

from __future__ import annotations

import json
from datetime import datetime
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import fastavro
import msgspec
import pytest

from apps.fraud.engine.decide import Inputs, Judgement, Policy, Reason, RuleHit
from apps.fraud.events import AlertEvent, DecisionEvent
from apps.fraud.services.decisions_store import Batch, alert_event, decision_event
from kivendtout.lib.events import outgoing
from tests.events.registry_server import RegistryServer
from tests.ingestion.messages import NOW

HIT = RuleHit("ABROAD", 2, 60, "challenge", "HIGH", "À l’étranger", "Abroad")
REASONS = (
    Reason("rule", "ABROAD", "À l’étranger", "Abroad", points=60, action="challenge"),
    Reason("degraded", "state", "Sans mémoire", "No memory"),
)
JUDGEMENT = Judgement(
    outcome="DENY", score=0.712345, points=60, rules_score=0.6, scorer_score=None, decided_by="rules",
    reasons=REASONS, degraded=("state",),
)  # fmt: skip
INPUTS = Inputs(policy=Policy(), rules=(HIT,))
MADE: Any = SimpleNamespace(
    id=17,
    facts=SimpleNamespace(payment_id="P1", customer="C1", status="pending", euro_cents=1200),
    judged=SimpleNamespace(judgement=JUDGEMENT, inputs=INPUTS, scorer="3:0a1b2c3d4e5f"),
    is_degraded=True,
    ruleset_number=4,
)
BATCH = Batch(tenant_id=1, source="stream", now=NOW, timings={})
SPOKEN = {
    "decision": "DENY",
    "score": 0.712345,
    "points": 60,
    "reasons": REASONS,
    "degraded": True,
    "degraded_parts": ("state",),
    "schema_version": 1,
    "decision_id": "dec_17",
    "payment_id": "P1",
    "customer_id": "C1",
}
DECISION = SPOKEN | {"decided_at": NOW, "ruleset_version": 4, "scorer_version": "3:0a1b2c3d4e5f"}
ALERT = SPOKEN | {
    "alert_id": "kvt-17", "alert_number": 9, "change": "raised", "changed_at": NOW, "raised_at": NOW, "rule": "ABROAD",
    "severity": "MEDIUM", "status": "PENDING_REVIEW",
}  # fmt: skip
TOLD = [
    ("decisions", DecisionEvent, decision_event(MADE, BATCH), DECISION),
    ("fraud-alerts", AlertEvent, alert_event(MADE, BATCH, 9), ALERT),
]


@pytest.mark.parametrize(("topic", "kind", "raw", "said"), TOLD)
def test_it_is_written_to_the_byte(topic: str, kind: type, raw: bytes, said: dict[str, Any]) -> None:
    """In the order of the alphabet, null where there is no value: as the first decisions were, from dictionaries."""
    assert raw == msgspec.json.Encoder(order="deterministic").encode(said)


@pytest.mark.parametrize(("topic", "kind", "raw", "said"), TOLD)
def test_it_is_what_its_schema_says(topic: str, kind: type[Any], raw: bytes, said: dict[str, Any]) -> None:
    found = msgspec.json.decode(raw, type=kind)

    assert {name: getattr(found, name) for name in kind.__struct_fields__} == said


@pytest.mark.parametrize(("topic", "kind", "raw", "said"), TOLD)
def test_as_avro_it_says_the_same(
    registry: RegistryServer, topic: str, kind: type[Any], raw: bytes, said: dict[str, Any]
) -> None:
    packed = outgoing(topic, raw)

    schema = json.loads(registry.schemas[int.from_bytes(packed[1:5], "big") - 1]["schema"])
    found: Any = fastavro.schemaless_reader(BytesIO(packed[5:]), fastavro.parse_schema(schema), None)
    # What JSON leaves out of a reason, Avro spells out.
    reasons = [{name: getattr(one, name) for name in Reason.__struct_fields__} for one in REASONS]
    assert found == said | {"reasons": reasons, "degraded_parts": ["state"]}
    assert all(one.tzinfo is not None for one in found.values() if isinstance(one, datetime))


def test_an_alert_that_came_without_a_decision_can_be_told() -> None:
    event = AlertEvent(
        alert_id="A1", alert_number=1, change="status", changed_at=NOW, customer_id="C1", payment_id="P1",
        raised_at=NOW, rule="IMPORTED", severity="LOW", status="BLOCKED",
    )  # fmt: skip

    told = json.loads(msgspec.json.encode(event))

    assert told.keys() == ALERT.keys()
    assert (told["decision"], told["score"], told["reasons"]) == (None, None, [])
