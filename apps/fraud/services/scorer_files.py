"""A scorer as one file: out of one installation, into another, with all that was told of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from django.utils.translation import gettext_noop
from msgspec import Struct

from apps.fraud.models import Scorer, ScorerPicture
from apps.fraud.scorers.artefact import digest_of
from apps.fraud.scorers.trained import Operating, Trained
from apps.fraud.selectors.scorers import point_of, scorer_content
from kivendtout.lib.errors import Conflict, InvalidInput

FORMAT: Final = "kivendtout-scorer-1"


class ScorerFileRefused(InvalidInput):
    code = "scorer_file_refused"
    message = gettext_noop("This is no exported scorer, or it is damaged. Export it again with `scorers export`.")


class ScorerKnown(Conflict):
    code = "scorer_known"
    message = gettext_noop("This scorer is here already: it is %(scorer)s. Nothing was imported.")


class _File(Struct, frozen=True, kw_only=True):
    format: str
    artefact: bytes
    digest: str
    data_from: datetime
    data_until: datetime
    known_on: datetime
    label_delay_days: float
    seed: int
    parameters: dict[str, Any]
    report: dict[str, Any]
    operating: Operating
    baseline: dict[str, Any]
    pictures: list[tuple[str, str, str]] = []
    note: str = ""


def scorer_export(*, scorer: Scorer) -> bytes:
    pictures = ScorerPicture.objects.filter(scorer=scorer).order_by("name", "language")
    return msgspec.msgpack.encode(
        _File(
            format=FORMAT,
            artefact=scorer_content(scorer=scorer),
            digest=scorer.digest,
            data_from=scorer.data_from,
            data_until=scorer.data_until,
            known_on=scorer.known_on,
            label_delay_days=scorer.label_delay_days,
            seed=scorer.seed,
            parameters=scorer.parameters,
            report=scorer.report,
            operating=point_of(scorer.operating),
            baseline=scorer.baseline,
            pictures=list(pictures.values_list("name", "language", "svg")),
            note=scorer.note,
        )
    )


def scorer_file_read(content: bytes) -> tuple[Trained, str]:
    """What was trained, and its note. Register it as any other: it is checked as one that was trained here."""
    try:
        told = msgspec.msgpack.decode(content, type=_File)
    except msgspec.MsgspecError as error:
        raise ScorerFileRefused from error
    if told.format != FORMAT or digest_of(told.artefact) != told.digest:
        raise ScorerFileRefused
    if (known := Scorer.objects.filter(digest=told.digest).order_by("number").first()) is not None:
        raise ScorerKnown(ScorerKnown.message, scorer=known)
    names = ("artefact", "data_from", "data_until", "known_on", "label_delay_days", "seed", "parameters", "report",
             "operating", "baseline")  # fmt: skip
    pictures = {(name, language): svg for name, language, svg in told.pictures}
    return Trained(**{name: getattr(told, name) for name in names}, pictures=pictures), told.note
