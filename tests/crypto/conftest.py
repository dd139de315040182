"""The encryption tests have tables, a key ring and, where the server's log is the subject, a server of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import override_settings

from kivendtout.lib.crypto.keyring import use_keyring
from kivendtout.lib.crypto.localring import LocalKeyRing
from kivendtout.lib.crypto.operations import install_functions
from tests.crypto.cluster import Cluster


@pytest.fixture(scope="session")
def _test_app() -> Iterator[None]:
    from django.conf import settings

    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "tests.crypto.app.apps.CryptoTestsConfig"]):
        yield


@pytest.fixture(scope="session")
def _tables(django_db_setup: None, django_db_blocker: object, _test_app: None) -> Iterator[None]:
    models = list(apps.get_app_config("crypto_tests").get_models())
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        with connection.schema_editor() as editor:
            install_functions(editor)
            for model in models:
                editor.create_model(model)
        yield
        with connection.schema_editor() as editor:
            for model in reversed(models):
                editor.delete_model(model)


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[LocalKeyRing]:
    with use_keyring(LocalKeyRing(tmp_path / "keys" / "ring.json", autocreate=True)) as ring:
        yield ring  # type: ignore[misc]


@pytest.fixture
def tables(_tables: None, ring: LocalKeyRing, db: None) -> LocalKeyRing:
    """Each test in a transaction, with its own ring."""
    return ring


@pytest.fixture
def committed(_tables: None, ring: LocalKeyRing, django_db_blocker: object) -> Iterator[LocalKeyRing]:
    """What one connection commits, others see. Only these tables are emptied: some of the product's refuse to be."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        yield ring
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE crypto_tests_person, crypto_tests_badge RESTART IDENTITY")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster.started() as cluster:
        yield cluster
