"""What the document store says when it refuses or cannot."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from kivendtout.lib.errors import InvalidInput, ServiceUnavailable


class InvalidDocument(InvalidInput):
    code = "invalid_document"
    message = "The document cannot be stored. Correct it and send it again."


class InvalidDocumentQuery(InvalidInput):
    code = "invalid_document_query"
    message = "The documents cannot be searched this way. Use the filters that the collection declares."


class DocumentsUnavailable(ServiceUnavailable):
    code = "documents_unavailable"
    message = gettext_noop(
        "The document store does not answer. Check that DATABASE_URL or MONGODB_URI names it, then retry."
    )
