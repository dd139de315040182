"""What the demo's tenant has of this app before anybody works in it."""

from __future__ import annotations

from apps.compliance.models import Tenant
from apps.fraud.models import ActiveRuleSet
from apps.fraud.services.rule_files import DEFAULT_SET, ruleset_install
from kivendtout.lib.clock import now
from kivendtout.lib.tenancy import tenant_scope


def demo_seed_rules(*, tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        if not ActiveRuleSet.objects.exists():
            ruleset_install(tenant=tenant, name=DEFAULT_SET, now=now())
