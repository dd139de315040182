"""The small file that says which column of a foreign history is what. TOML or JSON, checked before a row is read."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from django.utils.translation import gettext_noop
from msgspec import Meta, Struct

from apps.fraud.engine.event import Facts
from kivendtout.lib.clock import event_time
from kivendtout.lib.errors import InvalidInput

LABELS: Final = ("is_fraud", "label_known_at")
# Computed from the amount and the currency.
FIELDS: Final = (*(name for name in Facts.__struct_fields__ if name != "euro_cents"), *LABELS)
NEEDED: Final = ("customer", "at", "amount", "currency")
CONSTANTS: Final[dict[str, Any]] = {"method": "card", "status": "pending"}
MAY_BE_CONSTANT: Final = frozenset(FIELDS) - {
    "payment_id",
    "customer",
    "at",
    "amount",
    "registered_at",
    "cart_at",
    *LABELS,
}
_SPANS: Final = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_DELAY: Final = re.compile(r"\s*([0-9]{1,6})\s*(second|minute|hour|day|week)s?\s*")


class BadMap(InvalidInput):
    code = "bad_map"
    message = gettext_noop("The map cannot be used. See docs/import-history.md for what it may say.")


class Times(Struct, frozen=True, forbid_unknown_fields=True):
    unit: Literal["iso", "s", "ms", "us", "ns"] = "iso"
    """How times are written: ISO 8601 text (or a typed column), or a number since the epoch."""
    zone: str = "UTC"
    """Of times that name none."""
    local_zone: str | None = None
    """In which hours and weekdays are counted; `zone` unless it is said."""
    origin: str | None = None
    """Numbers count from here instead of 1970-01-01."""


class Labels(Struct, frozen=True, forbid_unknown_fields=True):
    delay: str | None = None
    """How long after its payment a label becomes known, where no column says when."""


class Amounts(Struct, frozen=True, forbid_unknown_fields=True):
    decimal_comma: bool = False
    divide_by: Literal[1, 10, 100, 1000] = 1


class Status(Struct, frozen=True, forbid_unknown_fields=True):
    known_when_judged: bool = False
    """True if a payment arrives with its result; otherwise only later payments know how it ended."""


class Csv(Struct, frozen=True, forbid_unknown_fields=True):
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","


class HistoryMap(Struct, frozen=True, forbid_unknown_fields=True):
    columns: dict[str, str]
    """Field of ours → column of the file."""
    constants: dict[str, str | int | bool] = {}
    values: dict[str, dict[str, str | bool]] = {}
    """Field → what a value in the file means. An empty text means that nothing was told."""
    time: Times = Times()
    label: Labels = Labels()
    amount: Amounts = Amounts()
    status: Status = Status()
    csv: Csv = Csv()
    name: str = ""

    def fixed(self) -> dict[str, Any]:
        """What every payment has alike."""
        return {name: value for name, value in (CONSTANTS | self.constants).items() if name not in self.columns}

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time.zone)

    @property
    def local_zone(self) -> ZoneInfo:
        return ZoneInfo(self.time.local_zone or self.time.zone)

    @property
    def origin(self) -> int:
        if self.time.origin is None:
            return 0
        told = datetime.fromisoformat(self.time.origin)
        return event_time(told if told.tzinfo else told.replace(tzinfo=self.zone))

    @property
    def delay(self) -> int | None:
        """Microseconds."""
        if self.label.delay is None:
            return None
        found = _DELAY.fullmatch(self.label.delay)
        assert found is not None
        return int(found[1]) * _SPANS[found[2]] * 1_000_000


def read_map(path: Path) -> HistoryMap:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise BadMap(f"There is no map {path}. Write one: docs/import-history.md says how.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadMap(f"The map {path.name} cannot be read as text: {error}.") from None
    try:
        told = msgspec.json.decode(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (msgspec.DecodeError, tomllib.TOMLDecodeError) as error:
        raise BadMap(f"The map {path.name} is neither TOML nor JSON that can be read: {error}.") from None
    try:
        made = msgspec.convert(told, HistoryMap)
    except msgspec.ValidationError as error:
        raise BadMap(f"The map {path.name} says what is not known here: {error}.") from None
    _check(made, path.name)
    return made


def _check(made: HistoryMap, name: str) -> None:
    for kind, told in (("columns", made.columns), ("constants", made.constants), ("values", made.values)):
        if unknown := sorted(set(told) - set(FIELDS)):
            raise BadMap(f"[{kind}] of {name} names {unknown[0]!r}. The fields are: {', '.join(FIELDS)}.")
    if wrong := sorted(set(made.constants) - MAY_BE_CONSTANT):
        raise BadMap(f"{wrong[0]} cannot be the same for all payments. Name a column for it in [columns] of {name}.")
    if both := sorted(set(made.constants) & set(made.columns)):
        raise BadMap(f"{both[0]} stands in both [columns] and [constants] of {name}. Keep one of them.")
    for field in NEEDED:
        if field not in made.columns and field not in made.constants:
            where = "[columns] or [constants]" if field in MAY_BE_CONSTANT else "[columns]"
            raise BadMap(f"{name} does not say where {field} stands. Name it in {where}.")
    _check_times(made.time, name)
    _check_label(made, name)


def _check_times(time: Times, name: str) -> None:
    for zone in filter(None, (time.zone, time.local_zone)):
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise BadMap(f"{name}: there is no time zone {zone!r}. Write one like Europe/Paris.") from None
    if time.origin is not None:
        try:
            started = datetime.fromisoformat(time.origin)
        except ValueError:
            raise BadMap(f"{name}: origin takes a moment like 2013-09-01T00:00; not {time.origin!r}.") from None
        if (started if started.tzinfo else started.replace(tzinfo=UTC)) < datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
            1
        ):
            raise BadMap(f"{name}: origin must lie after 1970-01-01.")


def _check_label(made: HistoryMap, name: str) -> None:
    if made.label.delay is not None and not _DELAY.fullmatch(made.label.delay):
        raise BadMap(f'{name}: delay takes a number and a unit, like "7 days"; not {made.label.delay!r}.')
    if "label_known_at" in made.columns and "is_fraud" not in made.columns:
        raise BadMap(f"{name} says when labels became known and not where they stand. Name is_fraud in [columns].")
    if "is_fraud" in made.columns and "label_known_at" not in made.columns and made.label.delay is None:
        raise BadMap(
            f"{name} does not say when a label became known, and none may count before. "
            'Name label_known_at in [columns], or a delay in [label], such as delay = "7 days".'
        )
