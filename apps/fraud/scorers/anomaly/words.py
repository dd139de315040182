"""A field that made a row odd, as a sentence in French and in English."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.anomaly.detector import Named

NBSP, NARROW = "\u00a0", "\u202f"


class Among(NamedTuple):
    """What rows are compared with."""

    fr: str
    en: str


PAYMENTS: Final = Among("des paiements", "of payments")
HOURS: Final = Among("des heures d'activité", "of hours of activity")
# By kind of field, what so many do, and what is said when nobody does.
ENGLISH: Final = {"choice": ("are as rare", "no other is as rare"), "flag": ("", "no other")}
ENGLISH_FAR: Final = ("go as far", "no other goes as far")
FRENCH: Final = {"choice": ("sont aussi rares", "aucun autre cas aussi rare"), "flag": ("", "aucun autre cas")}
FRENCH_FAR: Final = ("vont aussi loin", "aucun autre cas ne va aussi loin")


def sentences(named: Named, among: Among) -> dict[str, str]:
    return {"fr": _french(named, among), "en": _english(named, among)}


def _english(named: Named, among: Among) -> str:
    usual = _usual(named.usual, english, "usually {low} to {high}", "usually {common}")
    does, nobody = ENGLISH.get(named.field.kind, ENGLISH_FAR)
    rare = f"{english_share(named.share)} {among.en} {does}".rstrip() if named.share else nobody
    said = "; ".join(part for part in (usual, rare) if part)
    return f"{named.field.en}: {_value(named.value, english, 'yes', 'no')} ({said})"


def _french(named: Named, among: Among) -> str:
    usual = _usual(named.usual, french, "d'ordinaire {low} à {high}", "d'ordinaire {common}")
    does, nobody = FRENCH.get(named.field.kind, FRENCH_FAR)
    rare = f"{french_share(named.share)} {among.fr} {does}".rstrip() if named.share else nobody
    said = f"{NBSP}; ".join(part for part in (usual, rare) if part)
    return f"{named.field.fr}{NBSP}: {_value(named.value, french, 'oui', 'non')} ({said})"


def _usual(usual: dict[str, Any], number: Callable[[float], str], between: str, among: str) -> str:
    if "low" in usual:
        low, high = number(usual["low"]), number(usual["high"])
        return among.format(common=low) if low == high else between.format(low=low, high=high)
    return among.format(common=", ".join(usual["common"])) if usual.get("common") else ""


def _value(value: Value, number: Callable[[float], str], yes: str, no: str) -> str:
    if isinstance(value, bool):
        return yes if value else no
    return number(value) if isinstance(value, int | float) else str(value)


def english(number: float) -> str:
    digits = 0 if number == int(number) else 2 if abs(number) >= 1 else 3
    return f"{number:,.{digits}f}"


def french(number: float) -> str:
    return english(number).replace(",", NARROW).replace(".", ",")


def english_share(share: float) -> str:
    return "less than 0.01%" if share < 0.0001 else f"{share * 100:.2g}%"


def french_share(share: float) -> str:
    return english_share(share).replace("less than", "moins de").replace(".", ",").replace("%", f"{NBSP}%")
