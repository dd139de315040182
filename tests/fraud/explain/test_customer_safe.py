"""Whatever decided, the customer's version holds no number, no code, no name of a list or a feature, no threshold."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.engine.decide import ListHit, decide
from apps.fraud.engine.features.catalogue import CATALOGUE, INDEX
from apps.fraud.engine.outcome import Outcome
from apps.fraud.scorers.explain import walk
from apps.fraud.scorers.scorer import Scorer
from apps.fraud.services.explained import Explained, explained
from apps.fraud.services.replay import Stored
from tests.fraud.explain.cast import AT, MINUTE, facts, rules, story
from tests.scorers.small import small_trained

CONDITIONS = (
    "amount_eur > {k}", "amount_ratio > {k}", "new_device", "payment_profile_mismatch", "customer_attempts_10m >= 1",
    "hour BETWEEN 2 AND 5", "account_age_days < {k}", "merchant_fraud_rate_30d >= 0", "card_frauds >= 0",
    "method = 'card'", "list('stolen')", "payment_country IN list('risky')",
)  # fmt: skip
SCORER = Scorer(small_trained().artefact)


@st.composite
def decisions(draw: st.DrawFn) -> Explained:
    amount = draw(st.decimals("1", "5000", places=2))
    written = [
        (
            draw(st.sampled_from(CONDITIONS)).format(k=draw(st.integers(1, 5000))),
            draw(st.one_of(st.integers(1, 100), st.sampled_from(["challenge", "deny"]))),
        )
        for _ in range(draw(st.integers(1, 5)))
    ]
    payment = facts(amount=str(amount), device="new", payment_country=draw(st.sampled_from(["FR", "RO"])))
    told = story(payment, rules(*written), earlier=(facts(1, at=AT - 300 * MINUTE, device="old"),))
    row = told.row()
    listed = (ListHit("stolen", draw(st.sampled_from(["deny", "watch"])), False, 1, "Sur « stolen ».", "On 'stolen'."),)
    contributions = SCORER.contributions([row])[0]
    spoke = draw(st.booleans())
    inputs = msgspec.structs.replace(
        told.inputs(row), lists=listed if draw(st.booleans()) else (), scorer="ok" if spoke else "none",
        scorer_score=contributions.probability if spoke else None,
    )  # fmt: skip
    found = walk(SCORER.names, contributions, SCORER.header.calibration) if spoke else None
    stored = Stored(row, INDEX, inputs, decide(inputs), told.ruleset)
    return explained(stored, found, None, minor_units=2, readable=True)


@settings(max_examples=60, deadline=None)
@given(decisions())
def test_nothing_of_how_it_was_decided_can_be_read_from_the_customers_version(told: Explained) -> None:
    texts = [told.letter.fr, told.letter.en, *(text for one in told.letter.reasons for text in (one.fr, one.en))]
    codes = {one.code for one in told.stored.judgement.reasons} | {"stolen", "risky"}
    for text in texts:
        assert not re.search(r"\d", text), text
        assert not any(re.search(rf"\b{re.escape(code)}\b", text) for code in codes), text
        assert not any(name in text for name in CATALOGUE if "_" in name), text
    assert bool(told.letter.reasons) is (told.stored.judgement.result is not Outcome.ALLOW)


@settings(max_examples=40, deadline=None)
@given(decisions())
def test_the_steps_of_any_decision_add_up_to_its_score(told: Explained) -> None:
    assert sum(Decimal(str(step.share)) for step in told.waterfall.steps) == Decimal(str(told.stored.judgement.score))
    ends = [step.end for step in told.waterfall.steps]
    assert [step.start for step in told.waterfall.steps] == [0.0, *ends][: len(ends)]
