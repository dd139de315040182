"""What a partner is told of a decision: the same bytes for the same decision, whenever it is asked for."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from apps.fraud.engine.decide import Judgement, Reason
from apps.fraud.models import Decision
from apps.fraud.services.decisions_store import Made
from apps.fraud.services.engine import Judged

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_judgement: Final = msgspec.json.Decoder(Judgement).decode


def made_answer(made: Made) -> bytes:
    return _answer(
        made.id,
        made.facts.payment_id,
        made.judged.judgement,
        made.latency_us,
        made.ruleset_number,
        scorer=made.judged.scorer,
    )


def stored_answer(decision: Decision, payment_id: str) -> bytes:
    return _answer(
        decision.payment_id,
        payment_id,
        _judgement(decision.judgement.encode()),
        decision.latency_us,
        decision.ruleset_number,
        decision.scorer_version,
    )


def preview_answer(judged: Judged, payment_id: str, latency_us: int, ruleset_number: int | None) -> bytes:
    """Of a check: nothing was recorded, so it has no number to ask for later."""
    return _answer(None, payment_id, judged.judgement, latency_us, ruleset_number, scorer=judged.scorer)


def _answer(
    number: int | None, payment_id: str, judgement: Judgement, latency_us: int, ruleset: int | None, scorer: str
) -> bytes:
    return _encode(
        {
            "decision": judgement.outcome,
            "score": judgement.score,
            "decision_id": None if number is None else f"dec_{number}",
            "payment_id": payment_id,
            "points": judgement.points,
            "rules_score": judgement.rules_score,
            "scorer_score": judgement.scorer_score,
            "decided_by": judgement.decided_by,
            "reasons": [_reason(one) for one in judgement.reasons],
            "latency_ms": latency_us / 1000,
            "degraded": bool(judgement.degraded),
            "degraded_parts": judgement.degraded,
            "ruleset_version": ruleset,
            "scorer_version": scorer or None,
        }
    )


def _reason(reason: Reason) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": reason.kind,
        "code": reason.code,
        "points": reason.points,
        "sentence": {"fr": reason.fr, "en": reason.en},
    }
    if reason.action:
        told["action"] = reason.action
    return told
