from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin, listed
from apps.compliance.admin.present import Column, Record, Section, Viewer, code, latest_table, link, plain, table
from apps.compliance.models import User
from apps.compliance.roles import BY_CODE

admin.site.unregister(Group)


def role_label(group: Group) -> str:
    role = BY_CODE.get(group.name)
    return str(role.label) if role else group.name


def role_why(group: Group) -> str:
    role = BY_CODE.get(group.name)
    return str(_(role.why)) if role else ""


VERBS = {
    "view": gettext_lazy("See"),
    "add": gettext_lazy("Add"),
    "change": gettext_lazy("Change"),
    "delete": gettext_lazy("Delete"),
}
SPECIAL = {
    "reveal_personal_data": gettext_lazy("Reveal personal data, with a reason"),
    "change_payment_status": gettext_lazy("Change the status of payments"),
}


def right(permission: Permission) -> str:
    verb = permission.codename.partition("_")[0]
    if permission.codename in SPECIAL:
        return str(SPECIAL[permission.codename])
    return f"{VERBS[verb]} · {permission.content_type.name}" if verb in VERBS else permission.name


@admin.register(Group)
class RoleAdmin(RecordAdmin):
    """Roles are written in apps/compliance/roles.py and made from there after each migration: nothing to edit here."""

    list_display = ("label", "name", "why")
    ordering = ("name",)
    record_icon = "badge"
    label_column = Column(gettext_lazy("role"), lambda _viewer, row: role_label(row))
    why_column = Column(gettext_lazy("purpose"), lambda _viewer, row: role_why(row))
    staff_column = Column(
        gettext_lazy("opens the admin site"),
        lambda _viewer, row: plain(bool(BY_CODE.get(row.name) and BY_CODE[row.name].staff)),
    )
    label, why = listed(label_column), listed(why_column)
    record_facts = (label_column, "name", why_column, staff_column)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(name__in=BY_CODE)

    def record(self, viewer: Viewer, obj: Any) -> Record:
        record = super().record(viewer, obj)
        record.title, record.kind = role_label(obj), _("Role")
        return record

    def sections(self, viewer: Viewer, obj: Any) -> list[Section]:
        people = User.objects.filter(groups=obj, tenant_id=viewer.user.tenant_id).order_by("email")
        rights = (
            Permission.objects.filter(group=obj)
            .select_related("content_type")
            .order_by("content_type__app_label", "codename")
        )
        who = [
            Column(gettext_lazy("person"), lambda viewer, row: link(viewer.url(row), row)),
            Column(gettext_lazy("active"), lambda _v, row: plain(row.is_active)),
        ]
        what = [
            Column(gettext_lazy("permission"), lambda _v, row: right(row)),
            Column(gettext_lazy("code"), lambda _v, row: code(f"{row.content_type.app_label}.{row.codename}")),
        ]
        found = [
            latest_table(viewer, "people", _("People with this role"), people, who, empty=_("Nobody has this role."))
        ]
        return [*(found if viewer.opens(User) else []), table(viewer, "rights", _("Permissions"), list(rights), what)]
