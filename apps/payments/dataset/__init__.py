"""Synthetic data sets: the files of a KiVendTout export, believable and safe to show."""

from apps.payments.dataset.generate import Summary, generate
from apps.payments.dataset.options import DatasetError, DatasetOptions

__all__ = ["DatasetError", "DatasetOptions", "Summary", "generate"]
