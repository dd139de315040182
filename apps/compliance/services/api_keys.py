"""Keys for programs: made and shown once, withdrawn for good."""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from django.utils.translation import gettext_noop

from apps.compliance.models import ApiKey, User
from apps.compliance.models.api_key import LIVE, SCOPES, SHOWN, TEST
from kivendtout.lib.errors import InvalidInput, NotAllowed, NotFound
from kivendtout.lib.redact import redact_cards
from kivendtout.lib.tenancy import tenant_scope

# Letters and digits only, so that a double click selects the whole; 43 of 62 are 256 bits.
ALPHABET: Final = string.ascii_letters + string.digits
SECRET_LENGTH: Final = 43
ADD: Final = "compliance.add_apikey"
REVOKE: Final = "compliance.change_apikey"
LONGEST_NAME: Final = 80


class InvalidApiKey(InvalidInput):
    code = "invalid_api_key"


def key_hash(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def api_key_create(
    *,
    tenant_id: int,
    name: str,
    now: datetime,
    scopes: Sequence[str] = tuple(SCOPES),
    sandbox: bool = False,
    expires_at: datetime | None = None,
    actor: User | None = None,
) -> tuple[ApiKey, str]:
    """The row, and the key in clear: the only time that anybody sees it. Without an actor a command makes it."""
    _require(actor, ADD, tenant_id)
    name = name.strip()
    _check(name, scopes, expires_at, now)
    prefix = (TEST if sandbox else LIVE) + _random(SHOWN)
    key = f"{prefix}_{_random(SECRET_LENGTH)}"
    with tenant_scope(tenant_id):
        made = ApiKey.objects.create(
            tenant_id=tenant_id,
            name=name,
            prefix=prefix,
            secret_hash=key_hash(key),
            scopes=list(dict.fromkeys(scopes)),
            sandbox=sandbox,
            expires_at=expires_at,
            created_by=actor,
        )
    return made, key


def api_key_revoke(*, key: ApiKey, now: datetime, actor: User | None = None) -> ApiKey:
    """Holds within a second, in every process. A key that is revoked already stays as it is."""
    _require(actor, REVOKE, key.tenant_id)
    if key.revoked_at is None:
        key.revoked_at = now
        with tenant_scope(key.tenant_id):
            key.save(update_fields=["revoked_at"])
    return key


def api_key_get(*, tenant_id: int, prefix: str) -> ApiKey:
    with tenant_scope(tenant_id):
        found: ApiKey | None = ApiKey.objects.filter(prefix=prefix).first()
    if found is None:
        raise NotFound("No key of this tenant begins like this. `api_key list` shows them.")
    return found


def _require(actor: User | None, permission: str, tenant_id: int) -> None:
    if actor is None:
        return
    if not actor.is_active or actor.tenant_id != tenant_id or not actor.has_perm(permission):
        raise NotAllowed(gettext_noop("Your role does not manage keys. Ask an administrator."))


def _check(name: str, scopes: Sequence[str], expires_at: datetime | None, now: datetime) -> None:
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or redact_cards(name) != name:
        raise InvalidApiKey(gettext_noop("The name is empty, too long, or holds what no name may hold. Correct it."))
    if not scopes or set(scopes) - set(SCOPES):
        raise InvalidApiKey(
            gettext_noop("A key needs at least one thing it may do: %(known)s."), known=", ".join(sorted(SCOPES))
        )
    if expires_at is not None and expires_at <= now:
        raise InvalidApiKey(gettext_noop("The expiry has already passed. Give a later one, or none."))


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
