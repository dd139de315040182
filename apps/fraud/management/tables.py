"""Figures set in columns, for people who read a terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def euros(amount: float) -> str:
    return f"{amount:,.0f} €"


def table(rows: Sequence[Sequence[str]], *, left: Collection[int] = (0,)) -> str:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if n in left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
