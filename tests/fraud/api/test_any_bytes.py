"""Whatever is sent, the answer is one that was meant: never an unforeseen error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.fraud.api.batch_request import split_batch
from apps.fraud.api.errors import InvalidRequest
from apps.fraud.api.score_request import FIELDS, read_payment
from kivendtout.lib.clock import now
from tests.fraud.api.conftest import Post, Shop

NOW = now()
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(lambda at: f"{at}Z")
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
NAMES = st.sampled_from([*FIELDS, "cvv", "card_number"]) | st.text()
NEARLY: st.SearchStrategy[Any] = st.dictionaries(NAMES, VALUES | st.sampled_from(["EUR", "card", "12.34", "FR"]))
PAYMENTS = st.builds(
    lambda odd, keep: {"payment_id": "P", "customer_id": "C", "amount": "1", "method": "card", **(odd if keep else {})},
    NEARLY,
    st.booleans(),
)
BODIES = st.one_of(
    st.binary(max_size=300),
    (VALUES | NEARLY | PAYMENTS | st.lists(PAYMENTS, max_size=3)).map(lambda value: json.dumps(value).encode()),
    st.tuples(PAYMENTS.map(lambda value: json.dumps(value).encode()), st.integers(0, 300), st.binary(max_size=5)).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :]
    ),
)


@settings(max_examples=1_000, deadline=None)
@given(body=BODIES)
def test_any_bytes_are_a_payment_or_refused_with_a_sentence(body: bytes) -> None:
    for read in (lambda: read_payment(body, NOW), lambda: split_batch(body)):
        try:
            read()
        except InvalidRequest as refused:
            assert refused.message.endswith((".", "}"))


@pytest.mark.django_db(transaction=True)
def test_any_bytes_get_an_answer_that_was_meant(shop: Shop, post: Post) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(body=BODIES, path=st.sampled_from(["score", "score/batch", "fraud-alerts/check"]))
    def tried(body: bytes, path: str) -> None:
        answer = post(shop, body, path=path)
        assert answer.status_code in {200, 400, 409, 413, 415}
        assert answer.headers["Cache-Control"] == "no-store"
        answer.json()

    tried()
