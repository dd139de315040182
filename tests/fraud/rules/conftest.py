from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.compliance.models import Tenant, User
from apps.fraud.engine.features.catalogue import INDEX
from apps.fraud.engine.rule_text import RuleText, Sentence
from apps.fraud.models import RuleVersion
from apps.fraud.services.rules import rule_approve, rule_draft, rule_submit
from tests.conftest import NOON

Cast = dict[str, User]


def text_of(code: str = "BIG_AMOUNT", expression: str = "amount_eur > 1000", **fields: Any) -> RuleText:
    values: dict[str, Any] = {
        "points": None if fields.get("action") else 30,
        "owner": "fraud team",
        "sentence": Sentence("Gros montant.", "Large amount."),
        **fields,
    }
    return RuleText(code=code, expression=expression, **values)


def row_of(**features: Any) -> list[Any]:
    row: list[Any] = [None] * len(INDEX)
    for name, value in features.items():
        row[INDEX[name]] = value
    return row


GoLive = Callable[..., RuleVersion]


@pytest.fixture
def go_live(in_tenant: Tenant, cast: Cast) -> GoLive:
    """The whole way: an analyst writes, a lead approves."""

    def whole_way(code: str = "BIG_AMOUNT", expression: str = "amount_eur > 1000", **fields: Any) -> RuleVersion:
        draft = rule_draft(content=text_of(code, expression, **fields), actor=cast["analyst"], now=NOON)
        submitted = rule_submit(version=draft, actor=cast["analyst"], now=NOON)
        return rule_approve(version=submitted, actor=cast["lead"], now=NOON)

    return whole_way
