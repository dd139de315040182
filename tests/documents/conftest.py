"""Every store that this machine can offer, behind one fixture.

PostgreSQL is always there. MongoDB's wire protocol is spoken by nx-27017, a stand-in over SQLite: it proves that we
send what a MongoDB driver sends, for the few operations we use, not that a MongoDB server answers so. With
MONGODB_URI set, the same tests also run against that server, in a database of their own.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from kivendtout.lib.documents import DocumentStore, DocumentsUnavailable
from kivendtout.lib.documents.mongo import MongoDocuments
from kivendtout.lib.documents.postgres import PostgresDocuments

START_SECONDS = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(uri: str) -> bool:
    store = MongoDocuments(uri, selection_ms=200)
    try:
        store.ping()
    except DocumentsUnavailable:
        return False
    finally:
        store.close()
    return True


@pytest.fixture(scope="session")
def mongo_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("nx-27017", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert program, "nx-27017 is not installed; it comes with the dev requirements."
    port = free_port()
    folder = tmp_path_factory.mktemp("nx")  # its own pid file, else a second one on the machine refuses to start
    command = [program, "--db", "memory", "-p", str(port), "--pid-file", str(folder / "pid")]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    uri = f"mongodb://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(uri):
            assert server.poll() is None, "nx-27017 has ended instead of answering."
            assert time.monotonic() < deadline, f"nx-27017 has not answered within {START_SECONDS} s."
        yield uri
    finally:
        server.terminate()
        server.wait(timeout=10)


def _mongo_store(uri: str) -> Iterator[MongoDocuments]:
    store = MongoDocuments(uri)
    store.database = store.client[f"kivendtout_test_{uuid.uuid4().hex[:12]}"]
    yield store
    for name in store.database.list_collection_names():
        store.database.drop_collection(name)
    store.client.drop_database(store.database.name)
    store.close()


# The mark, not a request for `db` at run time: pytest-django creates only the databases that it can foresee.
STORES = [
    pytest.param("postgresql", marks=pytest.mark.django_db),
    "mongodb-stand-in",
    *(["mongodb"] if os.environ.get("MONGODB_URI") else []),
]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[DocumentStore]:
    if request.param == "postgresql":
        yield PostgresDocuments()
    elif request.param == "mongodb-stand-in":
        yield from _mongo_store(request.getfixturevalue("mongo_stand_in"))
    else:
        yield from _mongo_store(os.environ["MONGODB_URI"])
