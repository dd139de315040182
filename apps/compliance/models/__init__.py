from apps.compliance.models.audit import AuditEntry
from apps.compliance.models.tenant import Tenant
from apps.compliance.models.user import User

__all__ = ["AuditEntry", "Tenant", "User"]
