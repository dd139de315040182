"""How large an expression may be. Each bound keeps saving and running a rule short, whatever was typed."""

from __future__ import annotations

from typing import Final

TEXT: Final = 4_000
DEPTH: Final = 32
"""Far under Python's own bounds: 200 parentheses and 1,000 frames, of which a web request already uses some."""
NODES: Final = 500
BRANCHES: Final = 50
"""WHENs in one CASE: each is one more level of nested conditionals in both compilers."""
IN_ITEMS: Final = 1_000
ARGUMENTS: Final = 16
PATTERN: Final = 200
WILDCARDS: Final = 20
LIST_NAME: Final = 64
PARAMETERS: Final = 50
PARAMETER_TEXT: Final = 200
INTEGER: Final = 2**53
"""Above it, float64 no longer holds every integer, so two different ids would compare as equal."""
FLOAT: Final = 1.7976931348623157e308
ROUND_DIGITS: Final = 10
