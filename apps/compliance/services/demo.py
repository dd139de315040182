"""The demo's tenant and its accounts, one per role, whose passwords are made up on the spot."""

from __future__ import annotations

import json
import os
import secrets
import string
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.module_loading import import_string

from apps.compliance.models import ApiKey, Tenant, User
from apps.compliance.roles import BY_CODE
from apps.compliance.services.api_keys import api_key_create, api_key_revoke, key_hash
from kivendtout.lib.clock import now
from kivendtout.lib.errors import InvalidInput
from kivendtout.lib.tenancy import tenant_scope

DOMAIN = "demo.example"  # reserved for examples: no message sent there reaches anybody
ACCOUNTS = {
    "administrator": ("administrateur", "Amina Diallo"),
    "developer": ("developpeur", "Denis Moreau"),
    "read_only": ("lecture", "Lucie Petit"),
    "analyst": ("analyste", "Ana Lopes"),
    "lead": ("cheffe", "Claire Fontaine"),
    "compliance_officer": ("conformite", "Colin Roy"),
    "partner": ("partenaire", "Partenaire API"),
}
API_KEYS = (("Demo", False), ("Demo, sandbox", True))
NAMES = {"kivendtout": "KiVendTout"}
# 20 of 62 characters: 119 bits. Letters and digits only, so that a double click selects the whole.
PASSWORD_LENGTH = 20
ALPHABET = string.ascii_letters + string.digits
# Dotted paths of what apps above add to the demo's tenant: each takes it, and leaves what is there already.
SEEDERS: list[str] = []


@dataclass(frozen=True)
class DemoAccount:
    role: str
    email: str
    password: str | None
    """None where the account was there before and nobody keeps its password for us."""
    created: bool


@dataclass(frozen=True)
class DemoKey:
    name: str
    key: str | None
    """None where a key was there before and nobody keeps it for us."""
    sandbox: bool
    created: bool


@dataclass(frozen=True)
class Demo:
    accounts: list[DemoAccount]
    api_keys: list[DemoKey]


class PasswordsUnreadable(InvalidInput):
    code = "passwords_unreadable"


def make_password() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))


def demo_seed(*, tenant_slug: str, passwords: Path | None = None) -> Demo:
    """Makes what is missing. A file's passwords and keys are kept while they open something; lost ones are replaced."""
    known = read_passwords(passwords) if passwords else None
    kept = read_keys(passwords) if passwords else None
    with transaction.atomic():
        tenant, _created = Tenant.objects.get_or_create(
            slug=tenant_slug, defaults={"name": NAMES.get(tenant_slug, tenant_slug)}
        )
        accounts = [_account(tenant, role, known) for role in ACCOUNTS]
        for seeder in SEEDERS:
            import_string(seeder)(tenant=tenant)
        demo = Demo(accounts, [_api_key(tenant, name, sandbox, kept) for name, sandbox in API_KEYS])
    if passwords:
        write_private(passwords, demo)
    return demo


def _account(tenant: Tenant, role: str, known: dict[str, str] | None) -> DemoAccount:
    name, full_name = ACCOUNTS[role]
    email = f"{name}@{DOMAIN}"
    user = User.objects.filter(email=email).first()
    created = user is None
    if user is None:
        user = User(email=email, full_name=full_name, tenant=tenant)
    elif user.tenant_id != tenant.pk:
        raise InvalidInput(f"{email} belongs to another tenant. Use a fresh database, or that tenant's slug.")
    password = _password(user, (known or {}).get(email)) if created or known is not None else None
    user.is_active, user.is_staff = True, BY_CODE[role].staff
    user.save()
    user.groups.set([Group.objects.get(name=role)])
    return DemoAccount(role, email, password, created)


def _api_key(tenant: Tenant, name: str, sandbox: bool, kept: list[str] | None) -> DemoKey:
    with tenant_scope(tenant.pk):
        found = ApiKey.objects.filter(name=name, sandbox=sandbox, revoked_at=None, expires_at=None)
        rows = {bytes(row.secret_hash): row for row in found}
    if kept is None and rows:
        return DemoKey(name, None, sandbox, False)
    for key in kept or ():
        if key_hash(key) in rows:
            return DemoKey(name, key, sandbox, False)
    for lost in rows.values():  # nobody has it any more, so nobody should
        api_key_revoke(key=lost, now=now())
    _made, key = api_key_create(tenant_id=tenant.pk, name=name, now=now(), sandbox=sandbox)
    return DemoKey(name, key, sandbox, True)


def _password(user: User, kept: str | None) -> str:
    if kept and user.has_usable_password() and user.check_password(kept):
        return kept
    password = kept or make_password()
    user.set_password(password)
    return password


def read_passwords(path: Path) -> dict[str, str]:
    try:
        accounts = json.loads(path.read_text(encoding="utf-8"))["accounts"]
        return {str(one["email"]): str(one["password"]) for one in accounts}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise PasswordsUnreadable(f"{path} is not a file of demo accounts. Delete it to get new passwords.") from error


def read_keys(path: Path) -> list[str]:
    """Files of earlier versions name none."""
    try:
        return [str(one["key"]) for one in json.loads(path.read_text(encoding="utf-8")).get("api_keys", [])]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PasswordsUnreadable(f"{path} is not a file of demo accounts. Delete it to get new keys.") from error


def write_private(path: Path, demo: Demo) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 600 from birth
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(demo), file, ensure_ascii=False, indent=2)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
