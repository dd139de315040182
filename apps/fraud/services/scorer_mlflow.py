"""The story of each scorer in MLflow's registry. Payments never ask it; without it nothing stops.

What is told is derived from our own rows each time, so telling it twice is harmless and a lost registry can be
filled again: `scorers sync`. The web process never comes here: loading MLflow takes seconds and a hundred megabytes.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import Error, connection

from apps.compliance.models import Tenant
from apps.fraud.models import Scorer, ScorerArtefact, ScorerPicture
from apps.fraud.scorers.artefact import artefact_read
from kivendtout.lib.tenancy import tenant_scope

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

log = structlog.get_logger(__name__)
OFF: Final = "off"
# Set before MLflow is loaded: it reads them once. It would report its use to its makers, look for git and for a
# Databricks account, and wait minutes for a server that is gone.
QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
BOUNDS: Final = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
KEY: Final = "kvt.scorer"
# MLflow takes a thousand measures a request, a hundred parameters, and 500 characters of each.
MOST_MEASURES, MOST_PARAMETERS, LONGEST = 1000, 100, 500
STAGES_TOLD: Final = "kvt-scorers-told-{}"
DAY: Final = 24 * 3600
BUSY: Final = "another process is telling it at this moment"


@dataclass(frozen=True)
class Synced:
    """What the registry heard of: scorers it did not have, and whether stages were told again."""

    registered: tuple[int, ...] = ()
    stages: bool = False
    problem: str = ""


def registry_url() -> str | None:
    """None: no registry is wanted, or this process cannot speak to one."""
    url: str | None = settings.MLFLOW_TRACKING_URI
    if url == OFF or find_spec("mlflow") is None:
        return None
    return url or f"sqlite:///{Path(settings.SCORERS_DIR) / 'mlflow.db'}"


def scorer_record_quietly(*, scorer: Scorer) -> None:
    """Never raises: a registry that is away costs a scorer nothing."""
    scorers_sync(tenant_id=scorer.tenant_id)


def scorers_sync(*, tenant_id: int, again: bool = False) -> Synced:
    """Registers scorers that MLflow has not, and tells it of stages. Without `again`, nothing new costs one query.

    `again` asks the registry itself what it has: it may have been lost since.
    """
    with tenant_scope(tenant_id):
        try:
            url = registry_url()
            if url is None or not (again or _news(tenant_id)):
                return Synced()
            with _alone(tenant_id) as alone:
                return _sync(url, tenant_id, again) if alone else Synced(problem=BUSY)
        except Exception as error:  # whatever MLflow, its database, its server or the cache raises: see the first line
            log.warning("mlflow_not_told", tenant=tenant_id, exc_info=True)
            return Synced(problem=f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}")


def _news(tenant_id: int) -> bool:
    rows = list(Scorer.objects.order_by("number").only("number", "stage", "run_id"))
    # A scorer that MLflow has not is told of without the cache, too.
    return any(not row.run_id for row in rows) or (
        bool(rows) and cache.get(STAGES_TOLD.format(tenant_id)) != _standing(rows)
    )


def _standing(rows: list[Scorer]) -> str:
    return sha256(repr([(row.number, row.stage) for row in rows]).encode()).hexdigest()


@contextmanager
def _alone(tenant_id: int) -> Iterator[bool]:
    """A job each minute, a registration and a command would each make a run of the same scorer. Held by the session,
    as the registry may take its time; freed if the process dies."""
    values: list[Any] = [tenant_id]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('kvt_mlflow'), %s)", values)
        alone = bool(cursor.fetchone()[0])
    try:
        yield alone
    finally:
        # A connection that broke has taken the lock with it.
        if alone:
            with suppress(Error), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtext('kvt_mlflow'), %s)", values)


def _sync(url: str, tenant_id: int, again: bool) -> Synced:
    """With the lock held, so that what another process has just told is read as told."""
    rows = list(Scorer.objects.defer("report", "baseline", "parameters").order_by("number"))
    if not rows:
        return Synced()
    client = _client(url)
    known = _versions(client, registry_name(tenant_id)) if again else None
    missing = [row for row in rows if not row.run_id or (known is not None and _key(row) not in known)]
    for row in missing:
        Scorer.objects.filter(pk=row.pk).update(run_id=_record(client, row))
    _tell_stages(client, tenant_id, rows)
    cache.set(STAGES_TOLD.format(tenant_id), _standing(rows), DAY)
    return Synced(tuple(row.number for row in missing), True)


def _client(url: str) -> MlflowClient:
    os.environ.update(QUIET)
    for name, value in BOUNDS.items():
        os.environ.setdefault(name, value)
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=url, registry_uri=url)


def registry_name(tenant_id: int) -> str:
    return f"{Tenant.objects.values_list('slug', flat=True).get(pk=tenant_id)}-scorer"


def _record(client: MlflowClient, row: Scorer) -> str:
    """The run and the registered version; found again, not made twice, when an earlier try stopped half way."""
    name, key = registry_name(row.tenant_id), f"{row.number}:{row.digest}"
    experiment = _experiment(client, name)
    found = client.search_runs([experiment], f"tags.`{KEY}` = '{key}' and attributes.status = 'FINISHED'")
    run_id = found[0].info.run_id if found else _run(client, experiment, Scorer.objects.get(pk=row.pk), key)
    if _key(row) not in _versions(client, name):
        tags = {"scorer": str(row.number), "digest": row.digest}
        client.create_model_version(name, source=f"runs:/{run_id}/artefact", run_id=run_id, tags=tags)
    return str(run_id)


def _experiment(client: MlflowClient, name: str) -> str:
    from mlflow.exceptions import MlflowException

    known = client.get_experiment_by_name(name)
    # A server keeps artefacts where it says; a local registry beside its database.
    local = settings.MLFLOW_TRACKING_URI is None
    place = (Path(settings.SCORERS_DIR).resolve() / "artefacts").as_uri() if local else None
    experiment = str(known.experiment_id if known else client.create_experiment(name, artifact_location=place))
    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        client.create_registered_model(name)
    return experiment


def _run(client: MlflowClient, experiment: str, row: Scorer, key: str) -> str:
    from mlflow.entities import Metric, Param

    run = client.create_run(experiment, run_name=f"scorer-{row.number}", tags={KEY: key})
    run_id, at = str(run.info.run_id), int(row.made_at.timestamp() * 1000)
    content = bytes(ScorerArtefact.objects.values_list("content", flat=True).get(scorer=row))
    parameters = [Param(name, value) for name, value in _parameters(row, content).items()]
    measures = [Metric(name, value, at, 0) for name, value in _measures(row.report)]
    client.log_batch(run_id, metrics=measures[:MOST_MEASURES], params=parameters[:MOST_PARAMETERS])
    with tempfile.TemporaryDirectory() as folder:
        _files(Path(folder), row, content)
        client.log_artifacts(run_id, folder)
    client.set_terminated(run_id, "FINISHED")
    return run_id


def _parameters(row: Scorer, content: bytes) -> dict[str, str]:
    told = {
        "data_from": row.data_from.isoformat(),
        "data_until": row.data_until.isoformat(),
        "labels_known_on": row.known_on.isoformat(),
        "label_delay_days": row.label_delay_days,
        "seed": row.seed,
        "catalogue": row.catalogue_version,
        "digest": row.digest,
        "calibration": artefact_read(content).header.calibration.method,
        **{f"operating.{name}": value for name, value in row.operating.items()},
        **dict(_flat(row.parameters, "booster")),
    }
    return {_name(name): str(value)[:LONGEST] for name, value in told.items()}


def _measures(report: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in _flat(report, ""):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield _name(name), float(value)


def _flat(told: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    """Leaves of nested objects by their path; lists (curves, tables) are in the report's own file."""
    for name, value in told.items():
        path = f"{before}.{name}" if before else str(name)
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        elif not isinstance(value, (list, tuple)):
            yield path, value


def _name(name: str) -> str:
    """MLflow takes letters, digits and a few signs."""
    return "".join(sign if sign.isalnum() or sign in "_-./ " else "_" for sign in name)[:250]


def _files(folder: Path, row: Scorer, content: bytes) -> None:
    header = artefact_read(content).header
    features = [{"name": one.name, "kind": one.kind, "version": one.version} for one in header.columns]
    (folder / "artefact").mkdir()
    (folder / "artefact" / f"scorer-{row.number}.kvt").write_bytes(content)
    for name, told in (("card", row.report), ("features", features), ("baseline", row.baseline)):
        (folder / f"{name}.json").write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")
    (folder / "pictures").mkdir()
    for picture in ScorerPicture.objects.filter(scorer=row):
        (folder / "pictures" / f"{picture.name}.{picture.language}.svg").write_text(picture.svg, encoding="utf-8")


def _key(row: Scorer) -> tuple[str, str]:
    """A number alone may be another installation's, in a registry that outlived its database."""
    return str(row.number), row.digest


def _versions(client: MlflowClient, name: str) -> dict[tuple[str, str], Any]:
    found = client.search_model_versions(f"name = '{name}'")
    return {(one.tags.get("scorer", ""), one.tags.get("digest", "")): one for one in found}


def _tell_stages(client: MlflowClient, tenant_id: int, rows: list[Scorer]) -> None:
    """Aliases say who decides and who is on trial: the newest of these is `shadow`, then `shadow-2`, `shadow-3`."""
    name = registry_name(tenant_id)
    known = _versions(client, name)
    trials = [row for row in reversed(rows) if row.stage == Scorer.Stage.SHADOW]
    wanted = {("shadow" if n == 1 else f"shadow-{n}"): row for n, row in enumerate(trials, 1)}
    if (champion := next((row for row in rows if row.stage == Scorer.Stage.CHAMPION), None)) is not None:
        wanted["champion"] = champion
    for alias in set(client.get_registered_model(name).aliases) - set(wanted):
        client.delete_registered_model_alias(name, alias)
    for alias, row in wanted.items():
        client.set_registered_model_alias(name, alias, known[_key(row)].version)
    for row in rows:
        one = known.get(_key(row))
        if one is not None and one.tags.get("stage") != row.stage:
            client.set_model_version_tag(name, one.version, "stage", row.stage)
