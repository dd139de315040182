"""Which store this installation has: MongoDB where MONGODB_URI is set, PostgreSQL otherwise."""

from __future__ import annotations

import os
from functools import lru_cache

from django.conf import settings

from kivendtout.lib.documents.postgres import PostgresDocuments
from kivendtout.lib.documents.store import DocumentStore


@lru_cache(maxsize=2)
def _mongo(uri: str, process_id: int) -> DocumentStore:
    from kivendtout.lib.documents.mongo import MongoDocuments  # an extra of the installation

    return MongoDocuments(uri)


def document_store() -> DocumentStore:
    """One client a process: a worker that forks makes its own, as MongoDB's client does not survive a fork."""
    uri = settings.MONGODB_URI
    return _mongo(uri, os.getpid()) if uri else PostgresDocuments()
