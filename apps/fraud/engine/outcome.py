"""What may come out, in the order of severity: combining is a max."""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    ALLOW = 0
    CHALLENGE = 1
    DENY = 2
