"""A decision made again from what was stored with it, and held against what was stored: to the byte.

    row + numbered rules + lists as they were met → hits ┐
    row + numbered scorer                  → probability ┴→ decide → the same judgement?

Nothing of today goes into it: not today's rules, lists, policy or feature state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from apps.fraud.engine.decide import Inputs, Judgement, decide, judgement_bytes
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.ruleset import NO_RULES, CompiledRuleSet
from apps.fraud.engine.what_if import stored_lists
from apps.fraud.models import Decision
from apps.fraud.selectors.catalogues import CatalogueUnknown, catalogue_index
from apps.fraud.services.decisions_store import inputs_text
from apps.fraud.services.engine import ruleset_memory
from apps.fraud.state.ruleset_memory import RuleSetUnknown
from apps.fraud.state.scorer_memory import Loaded, scorer_memory
from kivendtout.lib.errors import KvtError

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_inputs: Final = msgspec.json.Decoder(Inputs).decode
_judgement: Final = msgspec.json.Decoder(Judgement).decode
_row: Final = msgspec.msgpack.Decoder(list[Value]).decode


@dataclass(frozen=True, slots=True)
class Difference:
    """`part` is what differs: features, ruleset, inputs, rules, shadow, scorer, judgement, or a column of the row."""

    part: str
    stored: str
    computed: str


@dataclass(frozen=True, slots=True)
class Replay:
    identical: bool
    differences: list[Difference]


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored decision, read back."""

    row: list[Value]
    index: Mapping[str, int]
    inputs: Inputs
    judgement: Judgement
    rules: CompiledRuleSet


def stored_inputs(decision: Decision) -> Inputs:
    return _inputs(decision.inputs.encode())


def stored_judgement(decision: Decision) -> Judgement:
    return _judgement(decision.judgement.encode())


def stored_read(decision: Decision) -> Stored:
    """Raises what its catalogue or rule set raises when it cannot be found any more."""
    index = catalogue_index(decision.catalogue_version)
    number = decision.ruleset_number
    rules = NO_RULES if number is None else ruleset_memory.numbered(decision.tenant_id, number, index)
    return Stored(_row(bytes(decision.features)), index, stored_inputs(decision), stored_judgement(decision), rules)


def decision_replay(*, decision: Decision) -> Replay:
    try:
        stored = stored_read(decision)
    except CatalogueUnknown as error:
        return _failed("features", decision.catalogue_version, error.message)
    except RuleSetUnknown as error:
        return _failed("ruleset", f"#{decision.ruleset_number}", error.message)
    except (KeyError, msgspec.MsgspecError) as error:
        return _failed("stored", str(decision), f"{type(error).__name__}: {error}")
    differences = [
        *_hits(stored),
        *_probability(decision, stored),
        *_texts(decision, stored.inputs),
        *_columns(decision, stored),
    ]
    return Replay(not differences, differences)


def _failed(part: str, stored: str, computed: str) -> Replay:
    return Replay(False, [Difference(part, stored, computed)])


def _hits(stored: Stored) -> list[Difference]:
    """What the rules of then say to the row of then."""
    row, index, inputs, rules = stored.row, stored.index, stored.inputs, stored.rules
    if len(row) != len(index):
        return [Difference("features", f"{len(row)} values", f"{len(index)} names")]
    lists = stored_lists(inputs)
    live = rules.evaluate(row, lists, inputs.at) if inputs.rules_up else ()
    shadow = rules.shadow(row, lists, inputs.at) if inputs.rules_up else ()
    found = _compared("rules", inputs.rules, live)
    return found + _compared("shadow", inputs.shadow, tuple(hit.code for hit in shadow))


def _probability(decision: Decision, stored: Stored) -> list[Difference]:
    """What the scorer of then says to the row of then."""
    then = stored.inputs.scorer_score
    if not decision.scorer_version:
        return [] if then is None else [Difference("scorer", str(then), "no scorer named")]
    try:
        loaded = scorer_of(decision, stored.index)
    except KvtError as error:
        return [Difference("scorer", decision.scorer_version, error.message)]
    if loaded.version != decision.scorer_version:
        return [Difference("scorer", decision.scorer_version, loaded.version)]
    now = loaded.scorer.probabilities([stored.row])[0]
    return [] if now == then else [Difference("scorer", str(then), str(now))]


def scorer_of(decision: Decision, index: Mapping[str, int]) -> Loaded:
    """The scorer that a decision names. `index` is that of its row."""
    number, _colon, _digest = decision.scorer_version.partition(":")
    return scorer_memory.numbered(decision.tenant_id, int(number), index)


def _texts(decision: Decision, inputs: Inputs) -> list[Difference]:
    """The inputs as they would be written today, and what decides itself from them, byte for byte."""
    found = [("inputs", decision.inputs, inputs_text(inputs))]
    found.append(("judgement", decision.judgement, judgement_bytes(decide(inputs)).decode()))
    return [Difference(part, then, now) for part, then, now in found if then != now]


def _columns(decision: Decision, stored: Stored) -> list[Difference]:
    """What lists and searches read says the same as the judgement."""
    told = stored.judgement
    pairs: Sequence[tuple[str, Any, Any]] = (
        ("outcome", decision.outcome, int(told.result)),
        ("score", decision.score, told.score),
        ("points", decision.points, told.points),
        ("degraded", decision.degraded, bool(told.degraded)),
    )
    return [Difference(part, str(then), str(now)) for part, then, now in pairs if then != now]


def _compared(part: str, then: Sequence[Any], now: Sequence[Any]) -> list[Difference]:
    texts = _encode(then).decode(), _encode(now).decode()
    return [] if texts[0] == texts[1] else [Difference(part, *texts)]
