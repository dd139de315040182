"""Behavioural events, raw payloads, logs and reviews: documents, behind one interface for two databases."""

from kivendtout.lib.documents.collections import COLLECTIONS
from kivendtout.lib.documents.errors import DocumentsUnavailable, InvalidDocument, InvalidDocumentQuery
from kivendtout.lib.documents.factory import document_store
from kivendtout.lib.documents.store import DocumentStore
from kivendtout.lib.documents.types import InsertResult, Page, Tally

__all__ = [
    "COLLECTIONS",
    "DocumentStore",
    "DocumentsUnavailable",
    "InsertResult",
    "InvalidDocument",
    "InvalidDocumentQuery",
    "Page",
    "Tally",
    "document_store",
]
