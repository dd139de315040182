"""How fast the data set generator writes, and in how much memory."""

import multiprocessing
import resource
import shutil
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from apps.payments.dataset import DatasetOptions, generate

CUSTOMERS = 20_000  # eight blocks: a few seconds, and long past the start of the workers
WORKERS = 2


def run(customers: int = CUSTOMERS) -> dict[str, Any]:
    # In a process of its own, so that the peak is the generator's and not that of earlier benchmarks.
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(customers, theirs))
    process.start()
    theirs.close()
    try:
        result: dict[str, Any] = mine.recv()
    finally:
        process.join()
    return result


def _measure(customers: int, link: Connection) -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-generate-"))
    try:
        summary = generate(DatasetOptions(folder / "out", customers=customers, workers=WORKERS))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told = summary.as_dict()
    # The kernel counts kilobytes; among children it keeps the largest, so the sum is an upper bound.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    link.send(
        {
            "customers": customers,
            "workers": WORKERS,
            "rows": {name: file["rows"] for name, file in told["files"].items()},
            "rows_total": told["rows_total"],
            "bytes_total": sum(file["bytes"] for file in told["files"].values()),
            "seconds": told["seconds"],
            "rows_per_second": told["rows_per_second"],
            "peak_rss_mb": round((own + WORKERS * worker) / 1024),
        }
    )
