"""Exact search: by numbers that an index finds, never by scanning."""

from __future__ import annotations

from django.db.models import Q


def successor(text: str) -> str | None:
    """The shortest text that sorts after everything beginning with `text`; None when there is none.

    Only ASCII digits and letters are counted up: their order is the same in every collation a server may have.
    """
    while text:
        last = text[-1]
        if last.isascii() and last.isalnum() and last not in "9zZ":
            return text[:-1] + chr(ord(last) + 1)
        text = text[:-1]
    return None


def prefix(field: str, text: str) -> Q:
    """Begins with: as a range that an ordinary B-tree serves, whatever the collation, and LIKE to be exact."""
    found = Q(**{f"{field}__gte": text, f"{field}__startswith": text})
    after = successor(text)
    return found & Q(**{f"{field}__lt": after}) if after else found
