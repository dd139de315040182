"""The story of each scorer in MLflow's registry. Payments never ask it; without it nothing stops."""

from __future__ import annotations

from apps.fraud.models import Scorer


def scorer_record_quietly(*, scorer: Scorer) -> None:
    """Never raises: a registry that is away costs a scorer nothing."""
