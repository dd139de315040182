"""What a partner is told of a decision when it asks for the explanation too: the stored answer, and why."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from apps.fraud.models import Decision
from apps.fraud.services.answers import stored_answer
from apps.fraud.services.explained import Told
from apps.fraud.services.explanations import decision_explain

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def explained_answer(decision: Decision, payment_id: str) -> bytes:
    """Raises what `stored_read` raises."""
    found = decision_explain(decision)
    told: dict[str, Any] = msgspec.json.decode(stored_answer(decision, payment_id))
    told["explanation"] = {
        "complete": found.readable,
        "reasons": [_reason(one) for one in (*found.raised, *found.lowered)],
        "customer_reasons": [
            {"code": one.code, "sentence": {"fr": one.fr, "en": one.en}} for one in found.letter.reasons
        ],
        "customer_text": {"fr": found.letter.fr, "en": found.letter.en} if found.letter.reasons else None,
    }
    return _encode(told)


def _reason(one: Told) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "code": one.code,
        "share": one.share,
        "settles": one.settles,
        "sentence": {"fr": one.fr, "en": one.en},
    }
