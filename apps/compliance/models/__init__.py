from apps.compliance.models.api_key import ApiKey
from apps.compliance.models.audit import AuditEntry
from apps.compliance.models.tenant import Tenant
from apps.compliance.models.user import User

__all__ = ["ApiKey", "AuditEntry", "Tenant", "User"]
