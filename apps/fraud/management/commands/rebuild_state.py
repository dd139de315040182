from __future__ import annotations

import json
from argparse import ArgumentParser
from time import monotonic
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError

from apps.compliance.models import Tenant
from apps.fraud.services.feature_state import state_rebuild
from apps.fraud.state.live_state import live_state
from kivendtout.lib.clock import now


class Command(BaseCommand):
    help = "Tell feature state (Redis) all stored payments and labels. Stopped, it goes on where it was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="Slug of one tenant; all of them otherwise.")
        parser.add_argument("--afresh", action="store_true", help="Begin at the beginning, whatever was done before.")
        parser.add_argument("--if-cold", action="store_true", help="Only tenants that feature state does not know.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = Tenant.objects.order_by("pk")
        if options["tenant"]:
            tenants = tenants.filter(slug=options["tenant"])
            if not tenants:
                raise CommandError(f"There is no tenant {options['tenant']!r}.")
        began, told = monotonic(), {}
        for tenant in tenants:
            try:
                told[tenant.slug] = self._one(tenant, options)
            except redis.RedisError as error:
                raise CommandError(
                    f"Redis does not answer ({type(error).__name__}). Start it, then run this again: it goes on."
                ) from error
        seconds = round(monotonic() - began, 1)
        if options["json"]:
            self.stdout.write(json.dumps({"tenants": told, "seconds": seconds}))
            return
        for slug, counts in told.items():
            self.stdout.write(f"{slug}: {counts['payments']:,} payments, {counts['labels']:,} labels in {seconds} s.")

    def _one(self, tenant: Tenant, options: dict[str, Any]) -> dict[str, Any]:
        if options["if_cold"] and live_state().state.is_warm(tenant.pk):
            return {"payments": 0, "labels": 0, "resumed": False}

        def say(payments: int, labels: int) -> None:
            if options["verbosity"]:
                self.stderr.write(f"\r{tenant.slug}: {payments:,} payments, {labels:,} labels", ending="")

        rebuilt = state_rebuild(tenant_id=tenant.pk, now=now(), afresh=options["afresh"], progress=say)
        if options["verbosity"]:
            self.stderr.write("")
        return {"payments": rebuilt.payments, "labels": rebuilt.labels, "resumed": rebuilt.resumed}
