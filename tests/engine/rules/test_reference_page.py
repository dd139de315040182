from __future__ import annotations

from pathlib import Path

import pytest

from apps.fraud.engine.rules.functions import FUNCTIONS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rules.md"


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_the_reference_shows_each_function_as_the_registry_has_it(function):
    takes, gives = function.takes or "any one type", function.gives or "that type"
    assert f"| `{function.shape}` | {takes} | {gives} | {function.says} |" in PAGE.read_text(encoding="utf-8")
