"""What scorers on trial said is kept for half a year: long enough for every label to arrive."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import connection

KEPT_FOR: Final = timedelta(days=180)


def shadow_scores_forget(*, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM fraud_shadowscore WHERE scored_at < %s", [now - KEPT_FOR])
        return int(cursor.rowcount)
