"""The root of every error that a person or a partner may read. `kivendtout/api_errors.py` alone maps them to HTTP."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop, override


class KvtError(Exception):
    """Base class: a stable code, an HTTP status, and a full sentence with the next step.

    The sentence is written in English, with %(placeholders)s for the details. `message` stays English, for logs and
    partners; `translated` is what a page shows, for a sentence that was marked with gettext_noop.
    """

    code = "error"
    status = 500
    message = gettext_noop("Something went wrong. Try again, and give the trace id to support if it lasts.")

    def __init__(self, message: str | None = None, **details: object) -> None:
        self.text = message or type(self).message
        self.details = details
        self.message = self.text
        if details:
            with override("en"):  # a detail may be a lazy text
                self.message = self.text % details
        super().__init__(self.message)

    @property
    def translated(self) -> str:
        """The sentence in the language of whoever reads the page."""
        return gettext(self.text) % self.details if self.details else gettext(self.text)


class InvalidInput(KvtError):
    code = "invalid_input"
    status = 400
    message = gettext_noop("The request holds a value that cannot be used. Correct it and send it again.")


class NotFound(KvtError):
    code = "not_found"
    status = 404
    message = gettext_noop("There is nothing at this address. Check the identifier.")


class NotAllowed(KvtError):
    code = "not_allowed"
    status = 403
    message = gettext_noop("Your role does not allow this. Ask an administrator for the right you need.")


class Conflict(KvtError):
    code = "conflict"
    status = 409
    message = gettext_noop("The object has changed since you read it. Read it again, then retry.")


class ServiceUnavailable(KvtError):
    code = "service_unavailable"
    status = 503
    message = gettext_noop("A service that this needs does not answer. Try again shortly.")


class TenantNotSet(KvtError):
    code = "tenant_not_set"
    status = 500
    message = (
        "This query reads rows that belong to a tenant, and no tenant is set. "
        "Wrap the call in tenant_scope(tenant), or say across_tenants() where a job really serves all of them."
    )
