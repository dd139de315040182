"""A value on its way to be encrypted: bound as a parameter, and shown by nothing that prints it.

Django's debug log and `connection.queries` print parameters, and so do error reports that keep local variables.
psycopg asks a dumper for `dump` when it binds and for `quote` when something merely prints the statement.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.adapt import Dumper

HIDDEN = "•••"
TEXT_OID = 25


class Plaintext:
    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plaintext) and other.value == self.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __reduce__(self) -> Any:
        raise TypeError("A value to be encrypted is not pickled.")


class PlaintextDumper(Dumper):
    oid = TEXT_OID

    def dump(self, obj: Plaintext) -> bytes:
        return obj.value.encode("utf-8")

    def quote(self, obj: Plaintext) -> bytes:
        return f"'{HIDDEN}'".encode()


psycopg.adapters.register_dumper(Plaintext, PlaintextDumper)
