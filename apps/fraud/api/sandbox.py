"""Answers for sandbox keys: the same for the same payment, always, and nothing is read or recorded for them.

The payment's id decides when it begins like `sandbox_deny_`; otherwise the amount's cents do. docs/api.md lists both.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from apps.fraud.engine.outcome import Outcome
from apps.fraud.scorers.customer_text import SECURITY, letter
from apps.payments.events import PaymentEvent
from kivendtout.lib.errors import ServiceUnavailable

PREFIX: Final = "dec_sandbox_"
SCENARIOS: Final[dict[str, tuple[str, str, float]]] = {
    "allow": ("01", "ALLOW", 0.05),
    "challenge": ("02", "CHALLENGE", 0.5),
    "deny": ("03", "DENY", 0.95),
    "degraded": ("04", "CHALLENGE", 0.5),
    "down": ("05", "", 0.0),
}
_BY_CENTS: Final = {cents: name for name, (cents, _outcome, _score) in SCENARIOS.items()}
_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_SENTENCE: Final = {
    "fr": "Réponse du bac à sable : rien n'a été évalué ni enregistré.",
    "en": "An answer of the sandbox: nothing was judged and nothing recorded.",
}


class SandboxDown(ServiceUnavailable):
    message = (
        "The sandbox plays an outage for this payment. Send it again as Retry-After says, as you would in earnest."
    )


class Played(NamedTuple):
    scenario: str
    payment_id: str


def sandbox_answer(event: PaymentEvent, *, recorded: bool = True) -> bytes:
    scenario = _scenario(event)
    if scenario == "down":
        raise SandboxDown
    return _body(Played(scenario, event.payment_id), recorded)


def sandbox_decision(decision_id: str, *, explains: bool = False) -> bytes | None:
    """The answer that had this id, made again from the id alone; None when no answer has it."""
    scenario, _sep, coded = decision_id.removeprefix(PREFIX).partition("_")
    try:
        padding = "=" * (-len(coded) % 4)
        played = Played(scenario, urlsafe_b64decode(coded + padding).decode("utf-8"))
    except ValueError:
        return None
    known = scenario in SCENARIOS and scenario != "down"
    return _body(played, True, explains) if known and _decision_id(played) == decision_id else None


def _scenario(event: PaymentEvent) -> str:
    begins = event.payment_id.split("_", 2)
    if begins[0] == "sandbox" and len(begins) == 3 and begins[1] in SCENARIOS:
        return begins[1]
    cents = event.money % 1 * 100
    return _BY_CENTS.get(f"{int(cents):02}", "allow") if cents == cents.to_integral_value() else "allow"


def _decision_id(played: Played) -> str:
    coded = urlsafe_b64encode(played.payment_id.encode()).decode().rstrip("=")
    return f"{PREFIX}{played.scenario}_{coded}"


def _body(played: Played, recorded: bool, explains: bool = False) -> bytes:
    _cents, outcome, score = SCENARIOS[played.scenario]
    degraded = ["state"] if played.scenario == "degraded" else []
    points = int(Decimal(str(score)) * 100)
    reason: dict[str, Any] = {"kind": "rule", "code": "SANDBOX", "points": points, "sentence": _SENTENCE}
    more = {"explanation": _explanation(outcome, score)} if explains else {}
    return _encode(
        {
            **more,
            "decision": outcome,
            "score": score,
            "decision_id": _decision_id(played) if recorded else None,
            "payment_id": played.payment_id,
            "points": points,
            "rules_score": score,
            "scorer_score": None,
            "decided_by": "sandbox",
            "reasons": [reason],
            "latency_ms": 1.0,
            "degraded": bool(degraded),
            "degraded_parts": degraded,
            "ruleset_version": None,
            "scorer_version": None,
        }
    )


def _explanation(outcome: str, score: float) -> dict[str, Any]:
    """In the shape of a real one."""
    reason = {"kind": "rule", "code": "SANDBOX", "share": score, "settles": False, "sentence": _SENTENCE}
    told = letter(Outcome[outcome], {SECURITY: 1.0})
    return {
        "complete": True,
        "reasons": [reason],
        "customer_reasons": [{"code": one.code, "sentence": {"fr": one.fr, "en": one.en}} for one in told.reasons],
        "customer_text": {"fr": told.fr, "en": told.en} if told.reasons else None,
    }
