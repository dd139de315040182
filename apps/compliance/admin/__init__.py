"""The admin site: shared ground (base, present, limits, periods, filters), people, groups, tenants, audit, jobs."""

from apps.compliance.admin import site as _site  # noqa: F401
from apps.compliance.admin.api_key import ApiKeyAdmin
from apps.compliance.admin.audit import AuditEntryAdmin
from apps.compliance.admin.group import RoleAdmin
from apps.compliance.admin.jobs import CrontabAdmin, IntervalAdmin, JobAdmin
from apps.compliance.admin.tenant import TenantAdmin
from apps.compliance.admin.user import UserAdmin

__all__ = [
    "ApiKeyAdmin",
    "AuditEntryAdmin",
    "CrontabAdmin",
    "IntervalAdmin",
    "JobAdmin",
    "RoleAdmin",
    "TenantAdmin",
    "UserAdmin",
]
