from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kivendtout.lib.documents import DocumentsUnavailable, document_store
from kivendtout.lib.documents.mongo import MongoDocuments
from kivendtout.lib.documents.postgres import PostgresDocuments
from tests.documents.conftest import free_port


def test_documents_live_in_postgresql_by_default(settings) -> None:  # type: ignore[no-untyped-def]
    settings.MONGODB_URI = None
    assert isinstance(document_store(), PostgresDocuments)


def test_documents_live_in_mongodb_where_it_is_named(settings) -> None:  # type: ignore[no-untyped-def]
    settings.MONGODB_URI = f"mongodb://127.0.0.1:{free_port()}/shop"
    store = document_store()
    assert isinstance(store, MongoDocuments)
    assert store.database.name == "shop"
    assert document_store() is store
    store.close()


def test_mongodb_that_is_away_is_said_without_its_password() -> None:
    store = MongoDocuments(f"mongodb://user:hunter2@127.0.0.1:{free_port()}/", selection_ms=200)
    with pytest.raises(DocumentsUnavailable) as unavailable:
        store.ping()
    with pytest.raises(DocumentsUnavailable):
        store.get("events", 1, "x")
    assert unavailable.value.status == 503
    assert "hunter2" not in unavailable.value.message
    store.close()


def test_pymongo_is_not_needed_where_postgresql_holds_the_documents() -> None:
    code = "import kivendtout.lib.documents, sys; sys.exit('pymongo' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=os.environ | {"PYTHONPATH": "."})
