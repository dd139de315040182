"""What the commands that look for anomalies print."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apps.fraud.models import Anomaly
from apps.fraud.services.anomalies import Scan


def scan_said(scan: Scan) -> dict[str, Any]:
    learned = scan.learned
    return {
        "kind": str(scan.kind),
        "looked_at": scan.rows,
        "detector": learned and learned.detector,
        "sample_rows": learned and learned.rows,
        "sample_from": learned and learned.start.isoformat(),
        "sample_to": learned and learned.end.isoformat(),
        "threshold": scan.threshold,
        "odd": scan.odd,
        "known": scan.known,
        "left_out": scan.left_out,
        "raised": [_anomaly_said(one) for one in scan.raised],
    }


def _anomaly_said(one: Anomaly) -> dict[str, Any]:
    return {
        "actor": one.actor,
        "payment": one.payment_id,
        "from": one.period_start.isoformat(),
        "score": round(one.score, 4),
        "odder_than": round(one.unusual, 5),
        "fields": [{name: field[name] for name in ("name", "value", "part", "en")} for field in one.fields],
    }


def scan_lines(scan: Scan) -> Iterable[str]:
    if scan.learned is None:
        yield f"{scan.kind}: too little has happened yet to say what is usual. Nothing was looked for."
        return
    yield (
        f"{scan.kind}: {scan.rows:,} looked at, {scan.odd:,} odd (score {scan.threshold:.3f} or more, compared with "
        f"{scan.learned.rows:,}). {len(scan.raised)} raised, {scan.known} known before, {scan.left_out} over the day's "
        "budget."
    )
    for one in scan.raised:
        yield f"  {one.actor}, {one.period_start:%Y-%m-%d %H:%M}, score {one.score:.3f}"
        yield from (f"    {field['en']}" for field in one.fields)
