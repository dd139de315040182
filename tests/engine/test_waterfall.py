"""Rules and scorer in one waterfall: its steps lead from nothing to the score shown."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.engine.decide import Inputs, Policy, RuleHit, decide
from apps.fraud.engine.waterfall import ScorerPart, Signal, Waterfall, waterfall

shares = st.floats(0, 1).map(lambda value: round(value, 6))


def told(
    probability: float, scorer: ScorerPart | None, *, weight: float = 0.7, points: int = 0, up: bool = True
) -> Waterfall:
    rules = (RuleHit("A", 1, points, "", "MEDIUM", "a", "a"),) if points and up else ()
    policy = Policy(scorer_weight=weight)
    inputs = Inputs(policy=policy, rules=rules, rules_up=up, scorer="ok", scorer_score=probability)
    return waterfall(inputs, decide(inputs), scorer)


def part(start: float, *probabilities: float) -> ScorerPart:
    return ScorerPart(start, tuple(Signal(f"s{n}", f"fr {n}", f"en {n}", one) for n, one in enumerate(probabilities)))


def kinds(found: Waterfall) -> list[str]:
    return [step.kind for step in found.steps]


@settings(max_examples=150, deadline=None)
@given(shares, shares, st.lists(shares, max_size=8), shares, st.integers(0, 150), st.booleans())
def test_whatever_is_walked_the_steps_end_at_the_score(
    probability: float, start: float, walked: list[float], weight: float, points: int, up: bool
) -> None:
    found = told(probability, part(start, *walked), weight=weight, points=points, up=up)
    assert sum(Decimal(str(step.share)) for step in found.steps) == Decimal(str(found.score))
    assert found.steps[-1].end == found.score
    assert all(one.end == other.start for one, other in zip(found.steps, found.steps[1:], strict=False))


def test_rules_come_first_then_the_scorers_facts_in_the_order_they_were_walked() -> None:
    found = told(0.8, part(0.1, 0.5, 0.3, 0.7), points=50)
    assert kinds(found) == ["rule", "start", "scorer", "scorer", "scorer", "others"]
    assert [step.code for step in found.steps[2:5]] == ["s0", "s1", "s2"]
    assert found.steps[3].share < 0 < found.steps[4].share


def test_what_would_read_as_nothing_goes_with_the_other_signals() -> None:
    found = told(0.5, part(0.1, 0.5, 0.5004), weight=1.0)
    assert [step.code for step in found.steps] == ["start", "s0", "others"]
    assert found.score == 0.5


def test_without_facts_the_scorer_is_one_step() -> None:
    assert [step.code for step in told(0.8, None, points=20).steps] == ["SCORER", "A"]


def test_with_the_rules_down_all_of_the_score_is_the_scorers() -> None:
    found = told(0.8, part(0.1, 0.8), up=False)
    assert (found.score, kinds(found)) == (0.8, ["start", "scorer", "others"])
