"""A tenant's feature matrix, exported once and kept until the data, or the code that computes features, change.

It holds the whole history, whatever the period asked for: rows need their past replayed anyway, and a period is then
read out of it without another replay.
"""

from __future__ import annotations

import os
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection

from apps.compliance.models import Tenant
from apps.fraud.engine.features import catalogue
from apps.fraud.services.history import Progress, features_export

# What a row depends on: which payments there are, how they ended, what is known of them and since when.
_FINGERPRINT: Final = """
SELECT (SELECT json_build_array(count(*), max(id), count(*) FILTER (WHERE status_id = 'failed'),
                count(*) FILTER (WHERE status_id = 'pending'))
        FROM payments_payment WHERE tenant_id = %(tenant)s)::text,
       (SELECT json_build_array(count(*), max(id)) FROM fraud_labelversion WHERE tenant_id = %(tenant)s)::text,
       (SELECT json_build_array(count(*), max(id)) FROM customers_customer WHERE tenant_id = %(tenant)s)::text
"""


def feature_matrix(*, tenant: Tenant, progress: Progress | None = None) -> tuple[Path, bool]:
    """The file, and whether it had to be made."""
    folder = Path(settings.FEATURE_CACHE)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Numbers of tenants are a database's own, and installations on one machine may share the folder.
    owner = f"{connection.settings_dict['NAME']}-{tenant.pk}"
    path = folder / f"{owner}-{fingerprint(tenant)}.parquet"
    if path.is_file():
        return path, False
    # Made beside and moved into place: who reads meanwhile sees the whole of it, or none.
    making = path.with_suffix(f".{os.getpid()}.making")
    try:
        features_export(tenant=tenant, path=making, progress=progress)
        making.chmod(0o600)
        making.replace(path)
    finally:
        making.unlink(missing_ok=True)
    for stale in folder.glob(f"{owner}-*.parquet"):
        if stale != path:
            stale.unlink(missing_ok=True)
    return path, True


def fingerprint(tenant: Tenant) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_FINGERPRINT, {"tenant": tenant.pk})
        parts = cursor.fetchone()
    return sha256(repr((*parts, tenant.time_zone, catalogue.VERSION, _code())).encode()).hexdigest()[:20]


@cache
def _code() -> str:
    """A feature may be computed otherwise under the same name: then its old values are stale, too."""
    features = Path(str(catalogue.__file__)).parent
    files = sorted(features.glob("*.py")) + sorted(features.parent.glob("*.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
