"""MLflow keeps the story of each scorer: what it was made of, and where it stands. Without it nothing stops."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from django.core.cache import cache
from django.db import connection

from apps.compliance.models import Tenant
from apps.fraud.models import Scorer, ScorerArtefact
from apps.fraud.services import scorer_mlflow
from apps.fraud.services.scorer_mlflow import Synced, scorers_sync
from tests.scorers.small import FEW, small_scorer, small_trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scorers")  # its tables take a second to make: once for all


@pytest.fixture
def registry(folder: Path, settings: Any, in_tenant: Tenant) -> Iterator[Any]:
    """A local registry, and MLflow's own client of it. Tests share the file: each has a tenant of its own in it."""
    settings.MLFLOW_TRACKING_URI, settings.SCORERS_DIR = None, str(folder)
    Tenant.objects.filter(pk=in_tenant.pk).update(slug=f"shop-{os.urandom(4).hex()}")
    url = scorer_mlflow.registry_url()
    assert url is not None
    yield scorer_mlflow._client(url)
    cache.delete(scorer_mlflow.STAGES_TOLD.format(in_tenant.pk))


def test_a_scorer_s_run_holds_all_it_was_made_of(registry: Any, in_tenant: Tenant, tmp_path: Path) -> None:
    scorer = small_scorer(in_tenant)
    assert scorers_sync(tenant_id=in_tenant.pk) == Synced((1,), True)
    scorer.refresh_from_db()
    run = registry.get_run(scorer.run_id)
    told = run.data.params
    assert (told["digest"], told["calibration"], told["seed"]) == (scorer.digest, "platt", "7")
    assert told["data_from"] == scorer.data_from.isoformat()
    assert told["booster.max_depth"] == "3"
    assert run.data.metrics["measures.auc"] == pytest.approx(scorer.report["measures"]["auc"])
    kept = Path(registry.download_artifacts(scorer.run_id, "", str(tmp_path)))
    assert (kept / "artefact" / "scorer-1.kvt").read_bytes() == small_trained().artefact
    assert all(f'"{name}"' in (kept / "features.json").read_text() for name in FEW)
    assert "average_precision" in (kept / "card.json").read_text()
    assert (kept / "pictures" / "money.fr.svg").is_file()


def test_aliases_follow_the_stages(registry: Any, in_tenant: Tenant) -> None:
    for seed in (7, 8, 9):
        small_scorer(in_tenant, trained=small_trained(seed=seed))
    Scorer.objects.filter(number=1).update(stage="champion")
    Scorer.objects.filter(number__gt=1).update(stage="shadow")
    scorers_sync(tenant_id=in_tenant.pk)
    name = scorer_mlflow.registry_name(in_tenant.pk)
    numbers = lambda: {  # noqa: E731
        alias: registry.get_model_version(name, version).tags["scorer"]
        for alias, version in registry.get_registered_model(name).aliases.items()
    }
    assert numbers() == {"champion": "1", "shadow": "3", "shadow-2": "2"}
    Scorer.objects.filter(number=1).update(stage="archived")
    Scorer.objects.filter(number=2).update(stage="champion")
    scorers_sync(tenant_id=in_tenant.pk)
    assert numbers() == {"champion": "2", "shadow": "3"}
    assert {one.tags["scorer"]: one.tags["stage"] for one in registry.search_model_versions(f"name = '{name}'")} == {
        "1": "archived", "2": "champion", "3": "shadow",
    }  # fmt: skip


def test_telling_it_twice_changes_nothing(registry: Any, in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = small_scorer(in_tenant)
    scorers_sync(tenant_id=in_tenant.pk)
    first = Scorer.objects.get().run_id
    Scorer.objects.filter(pk=scorer.pk).update(run_id="")  # as when the row could not be written afterwards
    assert scorers_sync(tenant_id=in_tenant.pk).registered == (1,)
    assert Scorer.objects.get().run_id == first
    name = scorer_mlflow.registry_name(in_tenant.pk)
    assert len(registry.search_model_versions(f"name = '{name}'")) == 1
    monkeypatch.setattr(scorer_mlflow, "_client", lambda _url: pytest.fail("nothing new: nobody is asked"))
    assert scorers_sync(tenant_id=in_tenant.pk) == Synced()


def lose(tenant: Tenant) -> None:
    """Another name in the registry: to it, nothing of this tenant was ever told."""
    Tenant.objects.filter(pk=tenant.pk).update(slug=f"lost-{os.urandom(4).hex()}")


def test_a_lost_registry_is_filled_again_by_command(registry: Any, in_tenant: Tenant) -> None:
    small_scorer(in_tenant)
    Scorer.objects.update(stage="champion")
    scorers_sync(tenant_id=in_tenant.pk)
    before = Scorer.objects.get().run_id
    lose(in_tenant)
    assert scorers_sync(tenant_id=in_tenant.pk, again=True) == Synced((1,), True)
    after, name = Scorer.objects.get().run_id, scorer_mlflow.registry_name(in_tenant.pk)
    assert after != before and registry.get_run(after).info.status == "FINISHED"
    assert registry.get_model_version_by_alias(name, "champion").run_id == after
    assert scorers_sync(tenant_id=in_tenant.pk, again=True) == Synced((), True)


def test_a_version_of_the_same_number_with_other_bytes_is_another_scorer(registry: Any, in_tenant: Tenant) -> None:
    """Its database was made anew while the registry stayed."""
    scorer = small_scorer(in_tenant)
    Scorer.objects.update(stage="champion")
    scorers_sync(tenant_id=in_tenant.pk)
    name = scorer_mlflow.registry_name(in_tenant.pk)
    registry.set_model_version_tag(name, "1", "digest", "0" * 64)
    assert scorers_sync(tenant_id=in_tenant.pk, again=True).registered == (1,)
    champion = registry.get_model_version_by_alias(name, "champion")
    assert (str(champion.version), champion.tags["digest"]) == ("2", scorer.digest)


def test_a_scorer_is_told_by_one_process_at_a_time(
    registry: Any, in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_scorer(in_tenant)
    settings = connection.get_connection_params()
    with psycopg.connect(**{name: settings[name] for name in ("dbname", "user", "password", "host", "port")}) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('kvt_mlflow'), %s::int)", [in_tenant.pk])
        with monkeypatch.context() as busy:
            busy.setattr(scorer_mlflow, "_client", lambda _url: pytest.fail("somebody else is telling it"))
            assert "another process" in scorers_sync(tenant_id=in_tenant.pk, again=True).problem
        other.execute("SELECT pg_advisory_unlock(hashtext('kvt_mlflow'), %s::int)", [in_tenant.pk])
        assert scorers_sync(tenant_id=in_tenant.pk).registered == (1,)
        free = other.execute("SELECT pg_try_advisory_lock(hashtext('kvt_mlflow'), %s::int)", [in_tenant.pk])
        assert free.fetchone() == (True,)  # let go of when it was done


def test_without_redis_a_scorer_is_registered_and_told(
    registry: Any, in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def away(*_given: Any) -> None:
        raise redis.exceptions.ConnectionError("Connection refused.")

    monkeypatch.setattr(cache, "get", away)
    monkeypatch.setattr(cache, "set", away)
    with django_capture_on_commit_callbacks(execute=True):
        scorer = small_scorer(in_tenant)
    scorer.refresh_from_db()
    assert registry.get_run(scorer.run_id).info.status == "FINISHED"
    assert scorers_sync(tenant_id=in_tenant.pk).problem == "ConnectionError: Connection refused."


def test_nothing_leaves_the_machine(registry: Any, in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither figures of use to MLflow's makers, nor anything else: the cache (Redis) is the only one spoken to."""
    called: list[Any] = []

    def connect(_self: socket.socket, address: Any) -> None:
        called.append(address)
        raise OSError("no network here")

    cache.get("warm")  # its connection is there already
    monkeypatch.setattr(socket.socket, "connect", connect)
    small_scorer(in_tenant)
    assert scorers_sync(tenant_id=in_tenant.pk).registered == (1,)
    assert not called
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_server_that_is_gone_costs_the_scorer_nothing(
    settings: Any, in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    with socket.socket() as taken:  # bound, not listening: refused at once
        taken.bind(("127.0.0.1", 0))
        settings.MLFLOW_TRACKING_URI = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with django_capture_on_commit_callbacks(execute=True):
            scorer = small_scorer(in_tenant)
        problem = scorers_sync(tenant_id=in_tenant.pk).problem
    scorer.refresh_from_db()
    assert scorer.run_id == ""
    assert ScorerArtefact.objects.filter(scorer=scorer).exists()
    assert "refused" in problem.lower() or "retries" in problem.lower()


def test_a_process_without_mlflow_leaves_it_to_one_that_has_it(
    settings: Any, in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MLFLOW_TRACKING_URI = None
    monkeypatch.setattr(scorer_mlflow, "find_spec", lambda _name: None)
    small_scorer(in_tenant)
    assert scorers_sync(tenant_id=in_tenant.pk) == Synced()
