"""The data dictionary: every column of ours, read from the models, so that the two cannot disagree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import connection, models

from apps.compliance.checks import OUR_APPS
from kivendtout.lib.crypto.fields import EncryptedMixin
from kivendtout.lib.documents.collections import COLLECTIONS


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    meaning: str
    classification: str
    encrypted: bool


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in OUR_APPS]


def columns_of(model: type[models.Model]) -> Iterator[Column]:
    classification: dict[str, str] = getattr(model, "CLASSIFICATION", {})
    for field in model._meta.concrete_fields:
        yield Column(
            name=field.column or field.name,
            type=_type_of(field),
            meaning=_meaning_of(field),
            classification=classification[field.name],
            encrypted=isinstance(field, EncryptedMixin),
        )


def _type_of(field: models.Field[object, object]) -> str:
    kind = (field.db_type(connection) or "") + (" null" if field.null else "")
    if isinstance(field, models.ForeignKey):
        return f"{kind} → {field.remote_field.model._meta.db_table}"
    return kind


def _meaning_of(field: models.Field[object, object]) -> str:
    if field.help_text:
        return str(field.help_text)
    return "Row id." if field.primary_key else str(field.verbose_name).capitalize() + "."


def dictionary_markdown() -> str:
    lines = [
        "# Data dictionary",
        "",
        "Made by `manage.py data_dictionary` from the models; a test fails when it is out of date. Privacy classes:",
        "`none`, `personal`, `sensitive`, `card`, `secret`. Everything but `none` is masked in the audit log.",
        "",
        "`Kept` is the period that was decided. Today a job enforces it for the document collections only; rows of",
        "tables stay until the retention jobs exist.",
    ]
    for model in our_models():
        lines += [
            "",
            f"## {model._meta.db_table}",
            "",
            _summary(model),
            "",
            "| column | type | meaning | class | encrypted |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| `{one.name}` | {one.type} | {one.meaning} | {one.classification} | {'yes' if one.encrypted else ''} |"
            for one in columns_of(model)
        ]
    return "\n".join([*lines, *_documents(), ""])


def _summary(model: type[models.Model]) -> str:
    doc = (model.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
    own = "" if doc.startswith(f"{model.__name__}(") else " ".join(doc.split()) + " "
    return f"{own}Kept: {getattr(model, 'RETENTION', '')}."


def _documents() -> list[str]:
    lines = ["", "## Document collections", "", "| collection | indexed by | kept |", "|---|---|---|"]
    return lines + [
        f"| `{one.name}` | {', '.join(one.filters)} | {one.retention.days} days |" for one in COLLECTIONS.values()
    ]
