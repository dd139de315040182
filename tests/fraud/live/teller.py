"""`python -m tests.fraud.live.teller TENANT ALERT PREFIX ROUNDS SEED`: a process that changes alerts and tells of it.

Some of its transactions take a moment, some are rolled back, some number and lose their numbering again. Prints how
many changes it committed.
"""

from __future__ import annotations

import random
import sys
import time
from typing import Any

import django


def main(tenant: int, alert: int, prefix: str, rounds: int, seed: int) -> int:
    from django.conf import settings
    from django.db import connection, transaction

    from apps.fraud.live.groups import alert_changes_tell
    from apps.fraud.services.alert_changes import alert_changes_note, alert_changes_number
    from kivendtout.lib.clock import now

    layers: dict[str, Any] = settings.CHANNEL_LAYERS
    layers["default"]["CONFIG"]["prefix"] = prefix
    draw, committed = random.Random(seed), 0
    for _ in range(rounds):
        count = draw.randint(1, 4)
        with transaction.atomic():
            alert_changes_note(tenant_id=tenant, alerts=[alert] * count, change="status", now=now())
            time.sleep(draw.random() * 0.01)
            if draw.random() < 0.2:
                transaction.set_rollback(True)
                count = 0
        committed += count
        if draw.random() < 0.2:
            with transaction.atomic():
                alert_changes_number()
                transaction.set_rollback(True)
        alert_changes_tell()
    connection.close()
    return committed


if __name__ == "__main__":
    django.setup()
    print(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
