"""`python -m benchmarks [NAME …] [--json]`: run them all, or those named, and say on which machine."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory, 1),
        "cpu": model,
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which ones (default: all): {', '.join(names())}")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(names())
    if unknown:
        parser.error(f"there is no benchmark called {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kivendtout.settings")
    os.environ["KVT_AS_OWNER"] = "1"  # benchmarks make and fill databases of their own
    import django

    django.setup()
    results: dict[str, Any] = {"machine": machine()}
    for name in arguments.names or names():
        print(f"== {name}", file=sys.stderr, flush=True)
        start = time.perf_counter()
        results[name] = importlib.import_module(f"benchmarks.bench_{name}").run()
        print(f"   {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
        if not arguments.json:
            print(json.dumps({name: results[name]}, indent=2, default=str, ensure_ascii=False), flush=True)
    if arguments.json:
        print(json.dumps(results, default=str, ensure_ascii=False))
    else:
        print(json.dumps(results["machine"], indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
