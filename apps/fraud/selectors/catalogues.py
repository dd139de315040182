"""Where each feature stands in a stored row, whatever catalogue the row was stored under."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from django.utils.translation import gettext_noop

from apps.fraud.engine.features.catalogue import INDEX, VERSION
from apps.fraud.models import FeatureCatalogue
from kivendtout.lib.errors import NotFound


class CatalogueUnknown(NotFound):
    code = "catalogue_unknown"
    message = gettext_noop(
        "The feature catalogue %(version)s is not on record, so rows stored under it cannot be read. "
        "Restore the table of feature catalogues from a backup."
    )


def catalogue_index(version: str) -> Mapping[str, int]:
    return INDEX if version == VERSION else _stored(version)


@lru_cache(maxsize=16)  # rows of the table never change; a version that is missing is asked for again
def _stored(version: str) -> Mapping[str, int]:
    columns = FeatureCatalogue.objects.filter(pk=version).values_list("columns", flat=True).first()
    if columns is None:
        raise CatalogueUnknown(CatalogueUnknown.message, version=version)
    return {line.partition(" ")[0]: place for place, line in enumerate(columns.split("\n"))}
