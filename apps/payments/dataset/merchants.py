"""The merchants of the marketplace: a few for each category, larger ones taking most sales."""

from typing import Final

import numpy as np
import polars as pl

from apps.payments.dataset.arrays import I64, Rng, number_text
from apps.payments.dataset.catalogue import CATEGORIES

PER_CATEGORY: Final = 4
_SIZES: Final = ("large", "medium", "small", "small")
_SHARE: Final = np.array([0.55, 0.25, 0.12, 0.08])
_COUNTRIES: Final = ("FR", "FR", "BE", "DE", "FR", "ES", "FR", "IT", "NL", "FR", "PT", "GB")
_NAMES: Final = ("Maison", "Comptoir", "Atelier", "Halle")


def merchants_frame() -> pl.DataFrame:
    count = len(CATEGORIES) * PER_CATEGORY
    category = [CATEGORIES[i // PER_CATEGORY] for i in range(count)]
    return pl.DataFrame(
        {
            "merchant_id": number_text("M", np.arange(1, count + 1), 4),
            "name": [f"{_NAMES[i % PER_CATEGORY]} {c.name} Exemple {i + 1:02}" for i, c in enumerate(category)],
            "industry": [c.industry for c in category],
            "size": [_SIZES[i % PER_CATEGORY] for i in range(count)],
            "country": [_COUNTRIES[i % len(_COUNTRIES)] for i in range(count)],
            "mcc": [c.mcc for c in category],
        }
    )


def merchant_numbers(rng: Rng, category: I64) -> I64:
    within = np.searchsorted(np.cumsum(_SHARE), rng.random(len(category)) * 0.999_999, side="right")
    return category * PER_CATEGORY + within + 1
