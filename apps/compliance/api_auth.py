"""Who calls the API: the key in the request names the tenant, and what its holder may do.

A key is looked up at most once a second in each process, so that revoking one holds within a second everywhere. The
look-up runs in a thread of its own: when PostgreSQL neither answers nor refuses, callers wait a moment, not for ever.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from threading import Lock
from time import monotonic
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.db.models import Q

from apps.compliance.models import ApiKey
from apps.compliance.services.api_keys import key_hash
from kivendtout.lib import clock
from kivendtout.lib.deadline import answer_within, seconds_left
from kivendtout.lib.errors import KvtError, NotAllowed, ServiceUnavailable
from kivendtout.lib.tenancy import across_tenants

FRESH_SECONDS: Final = 1.0
# Of the second in which a caller hears something, whatever happens; asking takes a millisecond.
WAIT_SECONDS: Final = 0.5
# The reader gives a PostgreSQL that hangs up after this long, and asks afresh.
READ_SECONDS: Final = 2.0
# Keys in use at a time; beyond it the memory starts anew instead of growing with whatever is sent.
MOST_KEPT: Final = 10_000
USE_NOTED_EVERY: Final = timedelta(minutes=1)
_KEY: Final = re.compile(r"(kvt_(?:live|test)_[A-Za-z0-9]{8})_[A-Za-z0-9]{43}")
_BEARER: Final = re.compile(r"[Bb]earer +(\S+) *")


class NotAuthenticated(KvtError):
    code = "not_authenticated"
    status = 401
    message = "This address needs an API key. Send it as 'Authorization: Bearer <key>' or as 'X-API-Key: <key>'."


class KeyRefused(NotAuthenticated):
    code = "authentication_failed"
    message = "This API key is not known, has expired or was revoked. Ask your administrator for a valid one."


class ScopeMissing(NotAllowed):
    code = "scope_missing"
    message = "This API key lacks the scope '%(scope)s'. Ask your administrator for a key that has it."


class KeyUnreadable(ServiceUnavailable):
    message = "The API key could not be checked just now. Send the same request again shortly."


@dataclass(frozen=True, slots=True)
class Credential:
    tenant_id: int
    tenant: str
    """The tenant's short name, for log lines."""
    prefix: str
    scopes: frozenset[str]
    sandbox: bool

    def require(self, scope: str) -> None:
        if scope not in self.scopes:
            raise ScopeMissing(scope=scope)


@dataclass(frozen=True, slots=True)
class _Known:
    credential: Credential
    secret_hash: bytes
    expires_at: datetime | None
    looked_up: float


class KeyMemory:
    def __init__(self) -> None:
        self.kept: dict[str, _Known] = {}
        self.asked: dict[str, Future[_Known | None]] = {}
        self.start()

    def start(self) -> None:
        """Also in a process that was forked: threads stay behind in the parent, and locks as they were."""
        self.asked.clear()
        self.lock = Lock()
        self.reader = ThreadPoolExecutor(1, "api-keys")
        self.reading_since: float | None = None

    def find(self, prefix: str) -> _Known | None:
        known = self.kept.get(prefix)
        if known is not None and monotonic() - known.looked_up < FRESH_SECONDS:
            return known
        since = self.reading_since
        if since is not None and monotonic() - since > WAIT_SECONDS:
            raise KeyUnreadable  # others wait already for a PostgreSQL that hangs: one more would only pile up
        with self.lock:  # whoever asks for the same key meanwhile waits for the same answer
            asked = self.asked.get(prefix)
            if asked is None or asked.done():
                asked = self.asked[prefix] = self.reader.submit(self._look_up, prefix)
        try:
            return asked.result(seconds_left(WAIT_SECONDS))
        except (Late, DatabaseError, InterfaceError) as error:
            raise KeyUnreadable from error

    def forget(self) -> None:
        """Nothing is remembered, and no connection held."""
        self.kept.clear()
        self.reader.submit(lambda: connection.close()).result()  # its own, not the caller's

    def _look_up(self, prefix: str) -> _Known | None:
        self.reading_since = began = monotonic()
        try:
            with answer_within(READ_SECONDS):
                close_old_connections()
                known = _read(prefix, began)
        finally:
            self.reading_since = None
            with self.lock:
                self.asked.pop(prefix, None)
        if len(self.kept) >= MOST_KEPT:
            self.kept.clear()
        if known is None:
            self.kept.pop(prefix, None)
        else:
            self.kept[prefix] = known
        return known


def _read(prefix: str, began: float) -> _Known | None:
    now = clock.now()
    with across_tenants():  # the one look without a tenant: the key is what says which one
        key = ApiKey.objects.filter(prefix=prefix).select_related("tenant").first()
        if key is None or not key.is_open(now):
            return None
        if key.last_used_at is None or now - key.last_used_at >= USE_NOTED_EVERY:
            unused = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
            ApiKey.objects.filter(unused, pk=key.pk).update(last_used_at=now)
    credential = Credential(key.tenant_id, key.tenant.slug, prefix, frozenset(key.scopes), key.sandbox)
    return _Known(credential, bytes(key.secret_hash), key.expires_at, began)


key_memory = KeyMemory()
os.register_at_fork(after_in_child=key_memory.start)


def authenticate(meta: Mapping[str, Any]) -> Credential:
    """From a request's META: the credential of a key that is known and open now, or an error that names no key."""
    key = _presented(meta)
    if key is None:
        raise NotAuthenticated
    form = _KEY.fullmatch(key)
    known = key_memory.find(form[1]) if form else None
    if known is None or not compare_digest(known.secret_hash, key_hash(key)):
        raise KeyRefused
    if known.expires_at is not None and clock.now() >= known.expires_at:
        raise KeyRefused
    return known.credential


def _presented(meta: Mapping[str, Any]) -> str | None:
    bearer = _BEARER.fullmatch(meta.get("HTTP_AUTHORIZATION", ""))
    return bearer[1] if bearer else meta.get("HTTP_X_API_KEY", "").strip() or None
