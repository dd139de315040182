"""Names and addresses that are plainly invented: reserved e-mail domains, streets called Example."""

import unicodedata
from typing import Final

import numpy as np
import polars as pl

from apps.payments.dataset.arrays import I64, Rng, label_text, number_text, stream
from apps.payments.dataset.options import DatasetOptions
from apps.payments.dataset.people import People
from apps.payments.dataset.reference import COUNTRIES, COUNTRY_CODES, Country

STREAM: Final = 60
_DOMAINS: Final = ("example.com", "example.org", "example.net")


def _flat(values: list[tuple[str, ...]]) -> tuple[tuple[str, ...], I64, I64]:
    """All countries' values in one tuple, with where each country's begin and how many it has."""
    count = np.array([len(v) for v in values])
    return tuple(text for group in values for text in group), np.cumsum(count) - count, count


def _ascii(text: str) -> str:
    plain = text.replace("ß", "ss").replace("ı", "i").replace("'", "").replace(" ", "-").lower()
    return unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()


def _choose(rng: Rng, values: list[tuple[str, ...]], country: I64) -> tuple[tuple[str, ...], I64]:
    flat, first, count = _flat(values)
    return flat, first[country] + (rng.random(len(country)) * count[country]).astype(np.int64)


def _per_country(attribute: str) -> tuple[str, ...]:
    return tuple(str(getattr(country, attribute)) for country in COUNTRIES)


def profiles_frame(options: DatasetOptions, people: People, block: int) -> pl.DataFrame:
    rng = stream(options.seed, STREAM, block)
    n, country = len(people), people.country
    firsts, first = _choose(rng, [c.first_names for c in COUNTRIES], country)
    lasts, last = _choose(rng, [c.last_names for c in COUNTRIES], country)
    last = np.where(rng.random(n) < 0.8, last[people.head], last)
    places, place = _choose(rng, [_places(c) for c in COUNTRIES], country)
    place = place[people.head]
    tail = rng.integers(0, 1_000, n)[people.head]
    house = rng.integers(1, 140, n)[people.head]
    frame = pl.DataFrame(
        {
            "customer_id": number_text("C", people.number, 5),
            "first_name": label_text(firsts, first),
            "last_name": label_text(lasts, last),
            "box_first": label_text(tuple(map(_ascii, firsts)), first),
            "box_last": label_text(tuple(map(_ascii, lasts)), last),
            "domain": label_text(_DOMAINS, rng.integers(0, len(_DOMAINS), n)),
            "number": people.number,
            "phone": label_text(_per_country("phone"), country) + number_text("", rng.integers(0, 100_000, n), 5),
            "street": pl.Series(house).cast(pl.String) + " " + label_text(_per_country("street"), country),
            "place": label_text(places, place),
            "tail": pl.Series(tail),
            "width": np.array([c.postal_tail for c in COUNTRIES])[country],
            "country": label_text(COUNTRY_CODES, country),
        }
    )
    return _finished(frame)


def _places(country: Country) -> tuple[str, ...]:
    return tuple(f"{city}|{postal}" for city, postal in country.cities)


def _finished(frame: pl.DataFrame) -> pl.DataFrame:
    parts = pl.col("place").str.split("|")
    digits = pl.col("tail").cast(pl.String).str.zfill(3)
    suffix = pl.when(pl.col("country") == "GB").then(pl.lit("ZZ")).otherwise(pl.lit(""))
    return frame.select(
        "customer_id",
        "first_name",
        "last_name",
        pl.format("{}.{}.{}@{}", "box_first", "box_last", "number", "domain").alias("email"),
        "phone",
        "street",
        parts.list.get(0).alias("city"),
        (parts.list.get(1) + digits.str.tail(pl.col("width")) + suffix).alias("postal_code"),
        "country",
    )
