"""What the shop sells and the merchants behind it: the same for every data set."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import polars as pl

from apps.payments.dataset.arrays import F64, I64, number_text, stream, time_text

PRODUCT_COUNT: Final = 200
# The catalogue belongs to the shop, not to a run: its own seed keeps prices stable across data sets.
_CATALOGUE_SEED: Final = 20_251_101
_SERIES: Final = (
    "Alba",
    "Boréal",
    "Céleste",
    "Delta",
    "Écume",
    "Flore",
    "Garance",
    "Horizon",
    "Iris",
    "Jasmin",
    "Lumen",
)


@dataclass(frozen=True)
class Category:
    name: str
    adult: bool
    typical_price: float
    spread: float
    weight: float
    nouns: tuple[str, ...]
    industry: str
    mcc: str


CATEGORIES: Final = (
    Category("Fashion", False, 36, 0.55, 0.19, ("Manteau", "Baskets", "Robe", "Jean", "Écharpe"), "clothing", "5651"),
    Category("Electronics", False, 120, 1.0, 0.15, ("Casque", "Smartphone", "Tablette", "Enceinte", "Câble"),
             "electronics", "5732"),
    Category("Home", False, 32, 0.7, 0.15, ("Lampe", "Couette", "Poêle", "Fauteuil", "Vase"), "furniture", "5712"),
    Category("Beauty", False, 27, 0.6, 0.12, ("Parfum", "Crème", "Sérum", "Palette", "Coffret"), "cosmetics", "5977"),
    Category("Groceries", False, 13, 0.5, 0.11, ("Café", "Chocolat", "Thé", "Huile", "Miel"), "food", "5411"),
    Category("Books", False, 15, 0.35, 0.10, ("Roman", "Essai", "Bande dessinée", "Guide", "Atlas"), "books", "5942"),
    Category("Sports", False, 38, 0.65, 0.09, ("Tapis", "Vélo", "Raquette", "Sac", "Montre"), "sports", "5941"),
    Category("Toys", False, 24, 0.5, 0.05, ("Puzzle", "Peluche", "Jeu", "Train", "Maquette"), "toys", "5945"),
    Category("Adult", True, 28, 0.5, 0.02, ("Accessoire", "Lingerie", "Coffret"), "adult retail", "5999"),
    Category("Wine", True, 22, 0.6, 0.02, ("Bordeaux", "Champagne", "Whisky"), "wine", "5921"),
)  # fmt: skip
RESALE: Final = (1, 1, 1, 0, 3)  # what stolen cards buy: electronics first, then fashion and perfume
_PRODUCT_SHARE: Final = (30, 32, 27, 22, 22, 24, 19, 10, 8, 6)


@dataclass(frozen=True)
class Catalogue:
    """Products in the order of category, then price; `number` is the public product number."""

    category: I64
    cents: I64
    number: I64
    first: I64  # first product of each category
    count: I64
    price_key: F64  # category * 10 + log10(price): one sorted key to find "about 40 euros of fashion"

    def near(self, category: I64, euros: F64, jitter: I64) -> I64:
        """A product of the category that costs about that much."""
        key = category * 10 + np.log10(np.clip(euros, 0.5, 90_000))
        position = np.searchsorted(self.price_key, key) + jitter
        first = self.first[category]
        found: I64 = np.clip(position, first, first + self.count[category] - 1)
        return found

    def browse(self, category: I64, taste: F64) -> I64:
        """A product people look at: a few of each category draw most of the views."""
        count = self.count[category]
        # A stride coprime to every category size spreads the popular ones over the price range.
        rank = (taste**2 * count).astype(np.int64) * 37 % count
        return self.first[category] + rank


@cache
def catalogue() -> Catalogue:
    rng = stream(_CATALOGUE_SEED, 1)
    category = np.repeat(np.arange(len(CATEGORIES)), _PRODUCT_SHARE)
    typical = np.array([c.typical_price for c in CATEGORIES])[category]
    spread = np.array([c.spread for c in CATEGORIES])[category]
    euros = np.clip(typical * np.exp(rng.normal(0, 1, PRODUCT_COUNT) * spread), 2.5, 1_499)
    cents = (np.round(euros * 20) * 5).astype(np.int64) - rng.choice([0, 1, 10], PRODUCT_COUNT)
    order = np.lexsort((cents, category))
    category, cents = category[order], cents[order]
    count = np.array(_PRODUCT_SHARE)
    return Catalogue(
        category=category,
        cents=cents,
        number=rng.permutation(PRODUCT_COUNT) + 1,
        first=np.cumsum(count) - count,
        count=count,
        price_key=category * 10 + np.log10(cents / 100),
    )


def product_codes() -> pl.Series:
    return number_text("P", catalogue().number, 4)


def products_frame(before_s: int) -> pl.DataFrame:
    """All products, on sale before the first session so that any of them can be bought."""
    shop = catalogue()
    rng = stream(_CATALOGUE_SEED, 2)
    nouns = [CATEGORIES[c].nouns for c in shop.category.tolist()]
    names = [
        f"{noun[number % len(noun)]} {_SERIES[number % len(_SERIES)]} {number:03}"
        for noun, number in zip(nouns, shop.number.tolist(), strict=True)
    ]
    created = before_s - rng.integers(3_600, 500 * 86_400, PRODUCT_COUNT)
    frame = pl.DataFrame(
        {
            "product_id": product_codes(),
            "name": names,
            "category": [CATEGORIES[c].name for c in shop.category.tolist()],
            "is_adult_restricted": [int(CATEGORIES[c].adult) for c in shop.category.tolist()],
            "unit_price": shop.cents / 100,
            "created_at": time_text(created),
        }
    )
    return frame.sort("product_id")
