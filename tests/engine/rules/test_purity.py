"""The web process scores payments without Polars."""

from __future__ import annotations

import subprocess
import sys


def test_rules_are_read_and_run_without_polars():
    code = "import sys; sys.modules['polars'] = None; import apps.fraud.engine.rules as r; print(r.ListHits().hits)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    # Django's settings are not needed to import the language, save that its errors are the project's.
    assert "polars" not in done.stderr
    assert done.returncode == 0, done.stderr
