"""A scorer as bytes: what it reads, the booster, how its margin becomes a probability. No pickle: none of it runs."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final, Literal

import msgspec
from django.utils.translation import gettext_noop
from msgspec import Struct

from apps.fraud.engine.features.feature import Feature, Kind
from kivendtout.lib.errors import InvalidInput

FORMAT: Final = 1
# A booster of a thousand trees of depth 8 takes some 15 MB; more than this is no scorer that answers in time.
MOST_BYTES: Final = 64 * 1024 * 1024


class ArtefactRefused(InvalidInput):
    code = "scorer_artefact_refused"
    message = gettext_noop("This is no artefact of a scorer, or it is damaged. Train it again, or take its backup.")


class ScorerMismatch(InvalidInput):
    code = "scorer_does_not_match"
    message = gettext_noop(
        "The scorer reads features that this version does not compute as it learned them: %(differences)s. "
        "Train a new one."
    )


class Column(Struct, frozen=True, omit_defaults=True):
    """One input. `values` are the texts met in training, most frequent first; anything else is coded behind them."""

    name: str
    kind: Kind
    version: int = 1
    values: tuple[str, ...] = ()


class Calibration(Struct, frozen=True, omit_defaults=True):
    """From margin (log-odds) to probability: Platt's two numbers, or the corners of an isotonic curve."""

    method: Literal["platt", "isotonic"]
    slope: float = 1.0
    intercept: float = 0.0
    margins: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()


class Header(Struct, frozen=True, kw_only=True):
    format: int = FORMAT
    catalogue_version: str
    columns: tuple[Column, ...]
    calibration: Calibration
    trees: int
    """How many of the booster's rounds count."""
    trained_from: str
    trained_until: str


class Artefact(Struct, frozen=True):
    header: Header
    booster: bytes

    def encoded(self) -> bytes:
        return msgspec.msgpack.encode([_header(self.header), self.booster])


_header: Final = msgspec.json.Encoder(order="deterministic").encode
_parts: Final = msgspec.msgpack.Decoder(tuple[bytes, bytes]).decode
_read_header: Final = msgspec.json.Decoder(Header).decode


def digest_of(encoded: bytes) -> str:
    return sha256(encoded).hexdigest()


def artefact_read(encoded: bytes, *, digest: str | None = None) -> Artefact:
    """Refuses what is not whole: the digest is the one on record."""
    if len(encoded) > MOST_BYTES or (digest is not None and digest_of(encoded) != digest):
        raise ArtefactRefused
    try:
        header, booster = _parts(encoded)
        read = _read_header(header)
    except msgspec.MsgspecError as error:
        raise ArtefactRefused from error
    # XGBoost ends the process over an empty booster; over any other nonsense it raises.
    if read.format != FORMAT or not read.columns or not booster:
        raise ArtefactRefused
    return Artefact(read, booster)


def differences(header: Header, catalogue: Mapping[str, Feature]) -> list[str]:
    """Between what the scorer learned on and what is computed now, each in words."""
    found = []
    for column in header.columns:
        feature = catalogue.get(column.name)
        if feature is None:
            found.append(f"{column.name} is not in the catalogue")
        elif feature.kind != column.kind:
            found.append(f"{column.name} was {column.kind} and is {feature.kind}")
        elif feature.version != column.version:
            found.append(f"{column.name} was version {column.version} and is {feature.version}")
    return found


def require_match(header: Header, catalogue: Mapping[str, Feature]) -> None:
    if found := differences(header, catalogue):
        told = "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
        raise ScorerMismatch(ScorerMismatch.message, differences=told)
