from __future__ import annotations

from pathlib import Path

import pytest

from apps.fraud.scorers.trained import Trained
from apps.fraud.scorers.training.plan import Plan
from apps.fraud.scorers.training.train import train
from tests.scorers.training.planted import planted, planted_file

QUICK = Plan(trials=2, threads=1, seed=5)


@pytest.fixture(scope="session")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted_file(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="session")
def many_frauds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many as folds need."""
    return planted_file(tmp_path_factory.mktemp("many-frauds"), planted(rate=0.08))


@pytest.fixture(scope="session")
def trained(matrix: Path) -> Trained:
    """One for all: it takes a second, and no test changes it."""
    return train(matrix, QUICK)
