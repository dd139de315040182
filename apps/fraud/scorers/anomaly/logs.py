"""What is looked at in an hour of access and in an hour of the database."""

from __future__ import annotations

from typing import Final

from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.anomaly.activity import Hour
from apps.fraud.scorers.anomaly.field import Field

WHEN: Final = (
    Field("night", "flag", "time", "entre 22 h et 6 h", "between 22:00 and 06:00"),
    Field("weekend", "flag", "time", "samedi ou dimanche", "Saturday or Sunday"),
    Field("unusual_hour", "flag", "time", "à une heure où il n'agit jamais", "at an hour at which it never acts"),
    Field("new_network", "flag", "network", "depuis une adresse réseau jamais vue de lui",
          "from a network address it never came from"),
    Field("networks", "count", "network", "adresses réseau différentes", "different network addresses"),
)  # fmt: skip
ACCESS: Final = (
    Field("acts", "count", "volume", "demandes et gestes", "requests and acts"),
    Field("times_own", "count", "volume", "rapporté à ses heures habituelles", "compared with its own usual hours"),
    Field("objects", "count", "reach", "fiches différentes touchées", "different records touched"),
    Field("reveals", "count", "reveals", "données personnelles révélées", "personal data revealed"),
    Field("exports", "count", "exports", "téléchargements et exports", "downloads and exports"),
    Field("changes", "count", "changes", "modifications", "changes"),
    Field("deletions", "count", "changes", "suppressions", "deletions"),
    Field("refused", "count", "refusals", "demandes refusées", "requests refused"),
    Field("share_refused", "count", "refusals", "part des demandes refusées", "share of requests refused"),
    Field("sign_ins_failed", "count", "sign_in", "connexions échouées", "failed sign-ins"),
    Field("errors", "count", "errors", "demandes en erreur", "requests that failed with an error"),
    *WHEN,
)
DATABASE: Final = (
    Field("statements", "count", "volume", "instructions journalisées", "statements in the log"),
    Field("times_own", "count", "volume", "rapporté à ses heures habituelles", "compared with its own usual hours"),
    Field("reads", "count", "reads", "lectures", "statements that read"),
    Field("writes", "count", "writes", "écritures", "statements that write"),
    Field("schema", "count", "schema", "changements de structure ou de droits", "changes of structure or of rights"),
    Field("copies", "count", "copies", "copies de tables (COPY)", "tables copied (COPY)"),
    Field("errors", "count", "errors", "instructions en erreur", "statements that failed"),
    Field("share_errors", "count", "errors", "part des instructions en erreur", "share of statements that failed"),
    Field("refused", "count", "refusals", "accès refusés par le serveur", "accesses refused by the server"),
    Field("sign_ins_failed", "count", "sign_in", "connexions échouées", "failed sign-ins"),
    Field("connections", "count", "connections", "connexions ouvertes", "connections opened"),
    Field("milliseconds", "count", "duration", "millisecondes des instructions journalisées",
          "milliseconds of the statements in the log"),
    Field("longest", "count", "duration", "la plus longue instruction, en millisecondes",
          "the longest statement, in milliseconds"),
    *WHEN,
)  # fmt: skip


def access_values(hour: Hour, told: dict[str, Value]) -> dict[str, Value]:
    requests = hour.counts["requests"]
    share = hour.counts["refused"] / requests if requests else None
    return _all(ACCESS, told | {"share_refused": share})


def database_values(hour: Hour, told: dict[str, Value]) -> dict[str, Value]:
    tried = hour.counts["statements"] + hour.counts["errors"]
    return _all(DATABASE, told | {"share_errors": hour.counts["errors"] / tried if tried else None})


def _all(fields: tuple[Field, ...], told: dict[str, Value]) -> dict[str, Value]:
    """What nobody counted did not happen."""
    return {one.name: told.get(one.name, 0 if one.kind == "count" else None) for one in fields}
