"""What a run says: a table for people, one JSON object for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.chaos.found import Evidence
from tests.chaos.kills import Kill
from tests.chaos.verdict import Finding, figures

EXAMPLES = 5


def table(findings: Sequence[Finding]) -> str:
    width = max(len(one.name) for one in findings)
    lines = []
    for one in findings:
        mark = "ok" if one.holds else f"{len(one.faults)} WRONG"
        lines.append(f"  {one.name:<{width}}  {one.wanted:>9,}  {one.found:>9,}  {mark}")
        lines += [f"      {fault}" for fault in one.faults[:EXAMPLES]]
        if len(one.faults) > EXAMPLES:
            lines.append(f"      … and {len(one.faults) - EXAMPLES} more")
    head = f"  {'':<{width}}  {'wanted':>9}  {'found':>9}"
    return "\n".join([head, *lines])


def summary(kills: Sequence[Kill], of: Evidence) -> str:
    counted = Counter(one.kind for one in kills)
    lines = [f"  kills: {len(kills)} (" + ", ".join(f"{kind} {count}" for kind, count in counted.most_common()) + ")"]
    told = of.ledger.acknowledged
    lines.append("  messages acknowledged: " + ", ".join(f"{kind} {count:,}" for kind, count in sorted(told.items())))
    lines += [f"  {what}: {count:,}" for what, count in figures(of).items()]
    return "\n".join(lines)


def as_json(kills: Sequence[Kill], of: Evidence, findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "kills": dict(Counter(one.kind for one in kills)),
        "acknowledged": dict(of.ledger.acknowledged),
        "findings": {
            one.name: {"wanted": one.wanted, "found": one.found, "wrong": len(one.faults),
                       "examples": one.faults[:EXAMPLES]}
            for one in findings
        },
        "figures": figures(of),
    }  # fmt: skip
