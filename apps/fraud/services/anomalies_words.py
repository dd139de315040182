"""What made a row odd, as it is stored with the anomaly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.fraud.scorers.anomaly.detector import Named
from apps.fraud.scorers.anomaly.words import Among, sentences


def fields_told(named: Sequence[Named], among: Among) -> list[dict[str, Any]]:
    return [
        {
            "name": one.field.name,
            "value": one.value,
            "part": round(one.part, 4),
            "share": one.share,
            "usual": one.usual,
            "label": {"fr": one.field.fr, "en": one.field.en},
            **sentences(one, among),
        }
        for one in named
    ]
