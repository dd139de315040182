"""Numbers, sums, durations and counts as French and English readers write them."""

from __future__ import annotations

from typing import Final, NamedTuple

NARROW: Final = "\u202f"
NO_BREAK: Final = "\u00a0"
# A text that a sender chose may be long; a sentence names it, it does not quote it.
LONGEST: Final = 40
MINUTE, HOUR, DAY, YEAR = 60, 3600, 86_400, 365 * 86_400
SPANS: Final = (
    (YEAR, ("an", "ans"), ("year", "years")),
    (DAY, ("jour", "jours"), ("day", "days")),
    (HOUR, ("heure", "heures"), ("hour", "hours")),
    (MINUTE, ("minute", "minutes"), ("minute", "minutes")),
    (1, ("seconde", "secondes"), ("second", "seconds")),
)
_FRENCH: Final = (
    (" :", f"{NO_BREAK}:"),
    (" ;", f"{NARROW};"),
    (" !", f"{NARROW}!"),
    (" ?", f"{NARROW}?"),
    (" %", f"{NO_BREAK}%"),
    (" €", f"{NO_BREAK}€"),
    ("« ", f"«{NO_BREAK}"),
    (" »", f"{NO_BREAK}»"),
    ("'", "’"),
)


class Pair(NamedTuple):
    """The same said in both languages."""

    fr: str
    en: str


def typographic(fr: str) -> str:
    """Spaces that do not break, and the curved apostrophe: templates are written without."""
    for plain, proper in _FRENCH:
        fr = fr.replace(plain, proper)
    return fr


def sentence(fr: str, en: str) -> Pair:
    return Pair(typographic(fr[:1].upper() + fr[1:]), en[:1].upper() + en[1:])


def number(value: float, language: str, digits: int | None = None) -> str:
    """As many digits as say something, unless told: 5.2, 79, 1,240."""
    if digits is None:
        digits = 0 if float(value).is_integer() or abs(value) >= 100 else 1 if abs(value) >= 1 else 2
    text = f"{value:,.{digits}f}"
    if language == "fr":
        text = text.replace(",", NARROW).replace(".", ",")
    return text


def numbers(value: float, digits: int | None = None) -> Pair:
    return Pair(number(value, "fr", digits), number(value, "en", digits))


def money(amount: float, currency: str = "EUR", digits: int = 2) -> Pair:
    """412,00 € and €412.00; other currencies by their code."""
    fr, en = numbers(amount, digits)
    if currency == "EUR":
        return Pair(f"{fr}{NO_BREAK}€", f"€{en}")
    return Pair(f"{fr}{NO_BREAK}{currency}", f"{currency}{NO_BREAK}{en}")


def about(amount: float) -> Pair:
    """Of an average: cents only where they matter."""
    return money(amount, digits=0 if amount >= 10 else 2)


def percent(share: float) -> Pair:
    digits = 0 if share >= 0.1 or share == 0 else 1 if share >= 0.01 else 2
    fr, en = numbers(100 * share, digits)
    return Pair(f"{fr}{NO_BREAK}%", f"{en}%")


def counted(value: float, fr: tuple[str, str], en: tuple[str, str], no: tuple[str, str] | None = None) -> Pair:
    """With its noun. French takes the singular below two, English for one alone; `no` stands for none at all."""
    if no is not None and value == 0:
        return Pair(*no)
    told = numbers(value)
    return Pair(f"{told.fr} {fr[value >= 2]}", f"{told.en} {en[value != 1]}")


def duration(seconds: float) -> Pair:
    """In its largest unit of which there are two, as people say it: 90 minutes, but 36 hours."""
    for size, fr, en in SPANS:
        if seconds >= 2 * size or size == 1:
            return counted(float(int(seconds / size)), fr, en)
    raise AssertionError("a second is the last")


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
