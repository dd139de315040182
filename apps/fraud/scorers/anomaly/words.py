"""A field that made a row odd, as a sentence in French and in English."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.anomaly.detector import Named

# From this share on a value is no rarity: only with the others is it odd.
ORDINARY: Final = 0.05
NBSP, NARROW = "\u00a0", "\u202f"


class Among(NamedTuple):
    """What rows are compared with, after "of" and "des"."""

    fr: str
    en: str


PAYMENTS: Final = Among("paiements", "payments")
HOURS: Final = Among("heures d'activité", "hours of activity")


def sentences(named: Named, among: Among) -> dict[str, str]:
    return {"fr": _french(named, among), "en": _english(named, among)}


def _english(named: Named, among: Among) -> str:
    usual = _usual(named.usual, english, "usually {low} to {high}", "usually {common}")
    if named.share > ORDINARY:
        rare = "ordinary in itself, odd with the rest"
    elif named.field.kind == "amount":
        rare = f"{english_share(named.share)} of {among.en} go as far"
    else:
        rare = f"{english_share(named.share)} of {among.en}"
    said = "; ".join(part for part in (usual, rare) if part)
    return f"{named.field.en}: {_value(named.value, english, 'yes', 'no')} ({said})"


def _french(named: Named, among: Among) -> str:
    usual = _usual(named.usual, french, "d'ordinaire {low} à {high}", "d'ordinaire {common}")
    if named.share > ORDINARY:
        rare = "ordinaire en soi, rare avec le reste"
    elif named.field.kind == "amount":
        rare = f"{french_share(named.share)} des {among.fr} vont aussi loin"
    else:
        rare = f"{french_share(named.share)} des {among.fr}"
    said = f"{NBSP}; ".join(part for part in (usual, rare) if part)
    return f"{named.field.fr}{NBSP}: {_value(named.value, french, 'oui', 'non')} ({said})"


def _usual(usual: dict[str, Any], number: Callable[[float], str], between: str, among: str) -> str:
    if "low" in usual:
        return between.format(low=number(usual["low"]), high=number(usual["high"]))
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
    return "none" if share == 0 else "less than 0.01%" if share < 0.0001 else f"{share * 100:.2g}%"


def french_share(share: float) -> str:
    if share == 0:
        return "aucun cas"
    return f"moins de 0,01{NBSP}%" if share < 0.0001 else f"{share * 100:.2g}".replace(".", ",") + f"{NBSP}%"
