"""The rows a tenant's scorer learns from: as they were stored with decisions where they were, replayed otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from django.db.models import Exists, OuterRef, QuerySet

from apps.compliance.models import Tenant
from apps.fraud.engine.features.catalogue import FEATURES, VERSION
from apps.fraud.engine.features.feature import Value
from apps.fraud.models import Decision
from apps.fraud.selectors.attempts import attempts_in_order, truths
from apps.fraud.services.feature_matrix import SCHEMA, TYPES, MatrixRow, MatrixWriter
from apps.fraud.services.history import EVER, Period, Progress, features_export
from apps.payments.models import Payment
from kivendtout.lib.clock import event_time
from kivendtout.lib.tenancy import tenant_scope

TOGETHER: Final = 5_000
_row: Final = msgspec.msgpack.Decoder(list[Value]).decode


class MatrixMade(msgspec.Struct):
    rows: int = 0
    stored: int = 0
    """Rows taken as they were stored; the others were replayed."""


def training_matrix(
    *,
    tenant: Tenant,
    path: Path,
    period: Period = EVER,
    known_on: datetime | None = None,
    progress: Progress | None = None,
) -> MatrixMade:
    """Labels as they were known on a date, today's otherwise."""
    with tenant_scope(tenant.pk):
        if _all_stored(tenant.pk, period):
            return _from_decisions(tenant.pk, path, period, known_on, progress)
        with TemporaryDirectory(prefix="kvt-training-") as folder:
            replayed = Path(folder) / "replayed.parquet"
            features_export(tenant=tenant, path=replayed, period=period, progress=progress, known_on=known_on)
            return _overlaid(tenant.pk, replayed, path)


def stored_rows(tenant_id: int, references: Sequence[int]) -> dict[int, list[Value]]:
    """Of decisions that the running catalogue reads and that lacked nothing."""
    found = Decision.objects.filter(tenant_id=tenant_id, pk__in=references, catalogue_version=VERSION, degraded=False)
    return {key: _row(bytes(features)) for key, features in found.values_list("pk", "features")}


def _all_stored(tenant_id: int, period: Period) -> bool:
    return _payments(tenant_id, period).exists() and not without_row(tenant_id, period).exists()


def without_row(tenant_id: int, period: Period) -> QuerySet[Payment]:
    # EXISTS, not IN: NOT IN keeps all decisions in memory, and reads them again for each payment once they do not fit.
    stored = Decision.objects.filter(tenant_id=tenant_id, catalogue_version=VERSION, degraded=False)
    return _payments(tenant_id, period).filter(~Exists(stored.filter(pk=OuterRef("pk"))))


def _payments(tenant_id: int, period: Period) -> QuerySet[Payment]:
    payments = Payment.objects.filter(tenant_id=tenant_id)
    if period.start:
        payments = payments.filter(attempted_at__gte=period.start)
    if period.end:
        payments = payments.filter(attempted_at__lt=period.end)
    return payments


def _from_decisions(
    tenant_id: int, path: Path, period: Period, known_on: datetime | None, progress: Progress | None
) -> MatrixMade:
    done = MatrixMade()
    start = event_time(period.start) if period.start else None
    with MatrixWriter(path) as writer:
        for attempts in attempts_in_order(tenant_id, until=period.end):
            wanted = [one for one in attempts if start is None or one.told.at >= start]
            rows = stored_rows(tenant_id, [one.reference for one in wanted])
            # Came since all were found stored, and was decided without state: for one payment nothing is replayed.
            wanted = [one for one in wanted if one.reference in rows]
            known = truths(tenant_id, list(rows), known_on=known_on)
            writer.write(
                [
                    MatrixRow(one.reference, one.told, rows[one.reference], *(known.get(one.reference) or (None, None)))
                    for one in wanted
                ]
            )
            done.rows += len(wanted)
            done.stored += len(wanted)
            if progress:
                progress(done.rows, done.rows)
    return done


def _overlaid(tenant_id: int, replayed: Path, path: Path) -> MatrixMade:
    """The replayed rows, with what is stored put in their place. Keys and labels stay."""
    done = MatrixMade()
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", compression_level=1) as writer:
        for batch in pq.ParquetFile(replayed).iter_batches(TOGETHER):
            table = pa.Table.from_batches([batch])
            references = table.column("reference_id").to_pylist()
            stored = stored_rows(tenant_id, references)
            writer.write_table(_with_stored(table, references, stored))
            done.rows += len(table)
            done.stored += len(stored)
    return done


def _with_stored(table: pa.Table, references: Sequence[int], stored: dict[int, list[Value]]) -> pa.Table:
    if not stored:
        return table
    there = pa.array([reference in stored for reference in references])
    rows = [stored[reference] for reference in references if reference in stored]
    swapped = table.filter(there)
    for feature, values in zip(FEATURES, zip(*rows, strict=True), strict=True):
        place = swapped.schema.get_field_index(feature.name)
        swapped = swapped.set_column(place, SCHEMA.field(place), pa.array(values, TYPES[feature.kind]))
    return pa.concat_tables([table.filter(pa.compute.invert(there)), swapped])
