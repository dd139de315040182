"""The audit entries of one object, for those who may read the audit trail."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import (
    EMPTY,
    MASK,
    Column,
    Section,
    Viewer,
    badge,
    class_of,
    link,
    moment,
    table,
)
from apps.compliance.models import AuditEntry
from apps.compliance.models.base import NONE

LATEST_ENTRIES = 25
ACTIONS = {
    AuditEntry.Action.CREATE: (gettext_lazy("Created"), "success"),
    AuditEntry.Action.UPDATE: (gettext_lazy("Changed"), "info"),
    AuditEntry.Action.DELETE: (gettext_lazy("Deleted"), "danger"),
    AuditEntry.Action.ACCESS: (gettext_lazy("Revealed"), "warning"),
}


def may_read_audit(request: HttpRequest) -> bool:
    return request.user.has_perm("compliance.view_auditentry")


def action_badge(entry: AuditEntry) -> Any:
    label, tone = ACTIONS.get(entry.action, (entry.get_action_display(), "neutral"))
    return badge(label, tone)


def actor_link(viewer: Viewer, entry: AuditEntry) -> Any:
    if entry.actor is None:
        return entry.actor_email or _("The system")
    return link(viewer.url(entry.actor), entry.actor)


def what_changed(entry: AuditEntry) -> Any:
    """Field by field, before → after; a classified field is masked here too, whatever the entry holds."""
    extra = entry.additional_data or {}
    if entry.action == AuditEntry.Action.ACCESS:
        names = ", ".join(_label(entry.content_type.model_class(), name) for name in extra.get("fields", []))
        return format_html("{}<br><q>{}</q>", names, extra.get("reason", "")) if names else EMPTY
    model = entry.content_type.model_class()
    lines = [
        (_label(model, name), *(_shown(model, name, value) for value in _pair(values)))
        for name, values in (entry.changes or {}).items()
    ]
    if entry.action == AuditEntry.Action.CREATE:
        lines = [line for line in lines if line[2] not in {"None", ""}]
        return format_html_join(" · ", "{}: {}", ((label, after) for label, _before, after in lines)) or EMPTY
    return format_html_join(" · ", "{}: {} → {}", lines) or EMPTY


def _pair(values: Any) -> tuple[str, str]:
    """auditlog writes [before, after]; of a many-to-many field, what was added or removed."""
    if isinstance(values, dict):
        return "", f"{values.get('operation', '')} {', '.join(values.get('objects', []))}"
    return str(values[0]), str(values[1])


def _label(model: type[Model] | None, name: str) -> str:
    try:
        return str(model._meta.get_field(name).verbose_name) if model else name  # type: ignore[union-attr]
    except FieldDoesNotExist:  # a field that has since been removed keeps its name
        return name


def _shown(model: type[Model] | None, name: str, value: str) -> str:
    return MASK if model is not None and class_of(model, name) != NONE and value not in {"", "None"} else value


def short(trace_id: str | None) -> Any:
    """Eight characters tell traces apart in a list; the whole one shows on hover, and on the entry's page."""
    return format_html('<span class="kvt-code" title="{}">{}</span>', trace_id, trace_id[:8]) if trace_id else EMPTY


def entry_columns() -> list[Column]:
    return [
        Column(gettext_lazy("when"), lambda _viewer, entry: moment(entry.timestamp)),
        Column(gettext_lazy("who"), actor_link),
        Column(gettext_lazy("action"), lambda _viewer, entry: action_badge(entry)),
        Column(gettext_lazy("what"), lambda _viewer, entry: what_changed(entry)),
        Column(gettext_lazy("trace"), lambda _viewer, entry: short(entry.cid)),
    ]


def object_entries(viewer: Viewer, obj: Model, *, limit: int = LATEST_ENTRIES) -> Section:
    kind = ContentType.objects.get_for_model(obj)
    entries = (
        AuditEntry.objects.filter(content_type=kind, object_pk=str(obj.pk), tenant_id=viewer.user.tenant_id)
        .select_related("actor", "content_type")
        .order_by("-timestamp", "-pk")[:limit]
    )
    empty = _("Nobody has changed or revealed this yet.")
    return table(viewer, "audit", _("Audit trail"), list(entries), entry_columns(), empty=empty)
