"""What encryption costs a row: the same operations on a table with encrypted columns and on one with plain columns.

Both have a name, an e-mail with an index to search it by, and a birth date; the tables exist only while this runs.
"""

from __future__ import annotations

import datetime
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, models, transaction

from kivendtout.lib.crypto.fields import BlindIndexField, EncryptedDateField, EncryptedEmailField, EncryptedTextField
from kivendtout.lib.crypto.keyring import use_keyring
from kivendtout.lib.crypto.localring import LocalKeyRing
from kivendtout.lib.crypto.operations import install_functions
from kivendtout.lib.crypto.rotation import Options, rotate_table

ROWS = 10_000
SINGLES = 200  # operations that go row by row
BATCH = 1000
ROUNDS = 2  # the best of them: what the operation costs, not what else the machine was doing
BIRTH = datetime.date(1985, 5, 17)


class Plain(models.Model):
    name = models.TextField(null=True)
    email = models.EmailField(null=True, db_index=True)
    birth_date = models.DateField(null=True)

    class Meta:
        app_label = "bench_encryption"


class Sealed(models.Model):
    name = EncryptedTextField(null=True)
    email = EncryptedEmailField(null=True)
    email_index = BlindIndexField(source="email", normalise="email", null=True)
    birth_date = EncryptedDateField(null=True)

    class Meta:
        app_label = "bench_encryption"


def run() -> dict[str, Any]:
    with _tables():
        # In turns, so that other work on the machine touches both alike.
        rounds = [(_round(Plain, "email"), _round(Sealed, "email_index__matches")) for _ in range(ROUNDS)]
        plain, sealed = _best([one for one, _ in rounds]), _best([other for _, other in rounds])
        start = time.perf_counter()
        rotated = rotate_table(Sealed, Options(grace=0))
        rotation = 1000 * (time.perf_counter() - start) / max(1, rotated.rows)
        with connection.cursor() as cursor:
            for model in (Plain, Sealed):  # without what the updates left behind
                cursor.execute(f"VACUUM (FULL) {model._meta.db_table}")
            cursor.execute(
                "SELECT pg_total_relation_size('bench_encryption_plain'), "
                "pg_total_relation_size('bench_encryption_sealed')"
            )
            plain_size, sealed_size = cursor.fetchone()
    operations = {
        name: {
            "plain_ms": round(plain[name], 4),
            "encrypted_ms": round(sealed[name], 4),
            "ratio": round(sealed[name] / plain[name], 1),
        }
        for name in plain
    }
    return {
        "rows": ROWS,
        "encrypted_columns": 3,
        "milliseconds_per_row": operations,
        "rotation_ms_per_row": round(rotation, 4),
        "bytes_per_row": {"plain": plain_size // ROWS, "encrypted": sealed_size // ROWS},
    }


@contextmanager
def _tables() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        ring = LocalKeyRing(Path(folder) / "ring.json", autocreate=True)
        ring.create(tables=["bench_encryption_sealed"], indexes=[])
        with use_keyring(ring):
            connection.close()  # a new session gets this ring
            with connection.schema_editor() as editor:
                install_functions(editor)
                for model in (Plain, Sealed):
                    editor.create_model(model)
            try:
                yield
            finally:
                with connection.schema_editor() as editor:
                    for model in (Plain, Sealed):
                        editor.delete_model(model)
        connection.close()


def _best(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: min(one[name] for one in rounds) for name in rounds[0]}


def _round(model: Any, search: str) -> dict[str, float]:
    """Milliseconds a row, operation by operation."""
    objects = model.objects
    objects.all().delete()
    fresh = [model(name=f"Given Family {i}", email=f"person{i}@example.org", birth_date=BIRTH) for i in range(ROWS)]
    times = {"insert, 10,000 in bulk": _time(lambda: objects.bulk_create(fresh, batch_size=BATCH), ROWS)}
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {model._meta.db_table}")
    people = list(objects.all())
    times["read, all at once"] = _time(lambda: list(objects.all()), ROWS)
    times["update, in one statement"] = _time(lambda: objects.update(name="Another Name"), ROWS)
    times["update, bulk_update of 1,000"] = _time(lambda: objects.bulk_update(people[:BATCH], ["name"]), BATCH)
    with transaction.atomic():  # what a disk takes to commit is the same for both
        return times | _one_by_one(objects, people[:SINGLES], search)


def _one_by_one(objects: Any, some: list[Any], search: str) -> dict[str, float]:
    def insert() -> None:
        for i in range(SINGLES):
            objects.create(name="x y", email=f"new{i}@x.org")

    times = {"insert, one by one": _time(insert, SINGLES)}
    times["read, one by id"] = _time(lambda: [objects.get(pk=one.pk) for one in some], SINGLES)
    times["save, one by one"] = _time(lambda: [one.save() for one in some], SINGLES)
    times["exact search by e-mail"] = _time(
        lambda: [objects.get(**{search: f"person{i}@example.org"}) for i in range(SINGLES)], SINGLES
    )
    return times


def _time(work: Callable[[], object], rows: int) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start) / rows
