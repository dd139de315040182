"""The rule language: SQL conditions over features, read once, run as Python on one payment and as Polars on a history.

Reference for authors: `docs/rules.md`.
"""

from apps.fraud.engine.rules.errors import RuleSyntaxError
from apps.fraud.engine.rules.explain import Finding, explain
from apps.fraud.engine.rules.nodes import Expression
from apps.fraud.engine.rules.parse import parse
from apps.fraud.engine.rules.polars_code import LIST_COLUMN, compile_polars
from apps.fraud.engine.rules.python_compile import NO_LISTS, ListHits, compile_many, compile_python
from apps.fraud.engine.rules.text import canonical
from apps.fraud.engine.rules.walk import lists, names, parameters

__all__ = [
    "LIST_COLUMN",
    "NO_LISTS",
    "Expression",
    "Finding",
    "ListHits",
    "RuleSyntaxError",
    "canonical",
    "compile_many",
    "compile_polars",
    "compile_python",
    "explain",
    "lists",
    "names",
    "parameters",
    "parse",
]
