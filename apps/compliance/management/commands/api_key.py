from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.compliance.models import ApiKey, Tenant
from apps.compliance.models.api_key import SCOPES
from apps.compliance.services.api_keys import api_key_create, api_key_get, api_key_revoke
from kivendtout.lib.clock import now
from kivendtout.lib.errors import InvalidInput, KvtError
from kivendtout.lib.tenancy import tenant_scope


class Command(BaseCommand):
    help = "Makes, lists and revokes keys of the API. A key is shown when it is made, and never again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["create", "list", "revoke"])
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument("--name", default="", help="create: what uses the key")
        parser.add_argument("--sandbox", action="store_true", help="create: made-up answers, nothing recorded")
        parser.add_argument("--scope", action="append", choices=sorted(SCOPES), help="create: default is all of them")
        parser.add_argument("--expires-in-days", type=int, help="create: default is never")
        parser.add_argument("--prefix", default="", help="revoke: the beginning of the key, as `list` shows it")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = Tenant.objects.filter(slug=options["tenant"]).first()
            if tenant is None:
                raise InvalidInput("There is no tenant with this slug. Give the slug of one that exists.")
            result = getattr(self, f"_{options['action']}")(tenant.pk, options)
        except KvtError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
        else:
            for row in result.get("api_keys", [result]):
                self.stdout.write("  ".join(str(value) for value in row.values() if value not in (None, "")))

    def _create(self, tenant_id: int, options: dict[str, Any]) -> dict[str, Any]:
        days, moment = options["expires_in_days"], now()
        made, key = api_key_create(
            tenant_id=tenant_id,
            name=options["name"],
            now=moment,
            scopes=options["scope"] or list(SCOPES),
            sandbox=options["sandbox"],
            expires_at=None if days is None else moment + timedelta(days=days),
        )
        return {"key": key, **_told(made)}

    def _list(self, tenant_id: int, options: dict[str, Any]) -> dict[str, Any]:
        with tenant_scope(tenant_id):
            return {"api_keys": [_told(key) for key in ApiKey.objects.all()]}

    def _revoke(self, tenant_id: int, options: dict[str, Any]) -> dict[str, Any]:
        found = api_key_get(tenant_id=tenant_id, prefix=options["prefix"])
        return _told(api_key_revoke(key=found, now=now()))


def _told(key: ApiKey) -> dict[str, Any]:
    times = {name: getattr(key, name) for name in ("created_at", "expires_at", "revoked_at", "last_used_at")}
    return {
        "prefix": key.prefix,
        "name": key.name,
        "sandbox": key.sandbox,
        "scopes": key.scopes,
        **{name: time.isoformat() if time else None for name, time in times.items()},
    }
