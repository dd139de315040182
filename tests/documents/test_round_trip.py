"""Whatever JSON the checks let through comes back equal, and of the same types, from every store."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kivendtout.lib.documents import DocumentStore
from kivendtout.lib.documents.checks import EXACT_FLOATS

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
names = texts.filter(lambda name: not name.startswith("$") and "." not in name)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(
    -EXACT_FLOATS, EXACT_FLOATS, exclude_min=True, exclude_max=True, allow_nan=False
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def typed(value: Any) -> Any:
    """Equality that sees 1, 1.0 and True as different."""
    if isinstance(value, dict):
        return {name: typed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return type(value), value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=values)
def test_any_json_value_round_trips(store: DocumentStore, value: Any) -> None:
    identity = uuid.uuid4().hex
    document = {"id": identity, "at": datetime(2025, 12, 1, tzinfo=UTC), "type": "any", "value": value}
    store.insert_many("events", 1, [document])
    found = store.get("events", 1, identity)
    assert found is not None
    assert typed(found["value"]) == typed(value)
