from __future__ import annotations

from tests.ingestion.conftest import load

__all__ = ["load"]
