"""A foreign history into a feature matrix: payments a second, processor time a payment, memory of all processes.

The generated history is rich (devices, cards, addresses, countries), so its rows cost the most. A file of your own:
`KVT_BENCH_HISTORY=payments.parquet KVT_BENCH_MAP=map.toml`.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from apps.fraud.services import history_import
from apps.payments.dataset import DatasetOptions, generate
from apps.payments.ingestion.tables.details import device_kind
from benchmarks.cpu import family

CUSTOMERS = 60_000  # some 95,000 payments: long past the start of the processes
MAPS = Path(str(history_import.__file__)).parent / "maps"
EVERY_SECONDS = 0.25


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-import-") as made:
        folder = Path(made)
        found = {"generated": _both(joined(folder), MAPS / "generated.toml", folder)}
        if own := os.environ.get("KVT_BENCH_HISTORY"):
            found["own"] = _both(Path(own), Path(os.environ["KVT_BENCH_MAP"]), folder)
        return found


def joined(folder: Path, customers: int = CUSTOMERS) -> Path:
    """A generated data set's payments with all that is told of them, in one file."""
    generate(DatasetOptions(folder / "set", customers=customers, file_format="parquet", workers=1))
    read = {name: pl.read_parquet(folder / "set" / f"{name}.parquet") for name in (
        "payments", "payment_details", "sessions", "customers", "merchants", "fraud_labels",
    )}  # fmt: skip
    kind = device_kind(pl.col("device_kind"), pl.col("os"), pl.col("browser"))
    frame = (
        read["payments"].drop("is_fraud_label")
        .join(read["payment_details"].with_columns(kind.alias("device_kind")), on="payment_id", how="left")
        .join(read["sessions"].select("session_id", "utm_source", "utm_campaign"), on="session_id", how="left")
        .join(read["customers"].select("customer_id", "country", "signup_ts"), on="customer_id", how="left")
        .join(read["merchants"].select("merchant_id", "mcc"), on="merchant_id", how="left")
        .join(read["fraud_labels"].select("payment_id", "is_fraud", "label_ts"), on="payment_id", how="left")
    )  # fmt: skip
    path = folder / "history.parquet"
    frame.write_parquet(path)
    return path


def _both(path: Path, mapped: Path, folder: Path) -> dict[str, Any]:
    return {f"{workers} process{'es' * (workers > 1)}": _import(path, mapped, folder, workers) for workers in (1, 2)}


def _import(path: Path, mapped: Path, folder: Path, workers: int) -> dict[str, Any]:
    command = [sys.executable, "manage.py", "import_history", str(path), "--map", str(mapped), "--json", "-v", "0"]
    command += ["--features-out", str(folder / "matrix.parquet"), "--workers", str(workers)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _resident(process.pid))
        time.sleep(EVERY_SECONDS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process.stdout is not None
    said = json.loads(process.stdout.read())
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "payments": said["rows"],
        "per_second": said["per_second"],
        "cpu_us_a_payment": round(spent / said["rows"] * 1e6, 1),
        "resident_mb_of_all": peak // 1024,
        "file_mb": round(said["bytes"] / 1e6, 1),
    }


def _resident(pid: int) -> int:
    """Kilobytes of the process and those it started, shared pages counted once in each: an upper bound."""
    total = 0
    try:
        for one in family(pid):
            for line in Path(f"/proc/{one}/status").read_text().splitlines():
                if line.startswith("VmRSS"):
                    total += int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):  # one of them has just ended
        pass
    return total
