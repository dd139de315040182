"""People of one's own tenant. A role is the only right that can be given here, and nobody gives one to themselves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy
from unfold.forms import AdminPasswordChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.compliance.admin.base import KvtAdmin, listed
from apps.compliance.admin.filters import choice_filter
from apps.compliance.admin.group import role_label
from apps.compliance.admin.present import Column, badge, link
from apps.compliance.models import User
from apps.compliance.roles import BY_CODE, ROLES

YES_NO = [("True", gettext_lazy("Yes")), ("False", gettext_lazy("No"))]


def role_names(person: User) -> str:
    return ", ".join(role_label(group) for group in person.groups.all()) or "—"


class ChangeForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("email", "full_name", "is_active", "groups", "time_zone")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class CreationForm(UserCreationForm):
    class Meta:
        model = User
        fields = ("email",)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


@admin.register(User)
class UserAdmin(DjangoUserAdmin, KvtAdmin):  # type: ignore[misc]  # what both define, unfold's base defines so too
    form = ChangeForm
    add_form = CreationForm
    add_form_template = "admin/change_form.html"
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "full_name", "roles", "active", "last_login")
    list_filter = (
        choice_filter(
            gettext_lazy("role"), "groups__name", lambda: [(r.code, r.label) for r in ROLES], parameter="role"
        ),
        choice_filter(gettext_lazy("active"), "is_active", lambda: YES_NO),
    )
    search_fields = ("email",)
    search_hint = gettext_lazy("A part of a colleague's name or e-mail address.")
    ordering = ("email",)
    filter_horizontal = ()
    readonly_fields = ("password_link", "role_names", "last_login", "joined_at")
    add_fieldsets = ((None, {"fields": ("email", "full_name", "groups", "password1", "password2")}),)
    roles = listed(Column(gettext_lazy("roles"), lambda _viewer, row: role_names(row)))
    active = listed(
        Column(
            gettext_lazy("active"),
            lambda _v, row: (
                badge(gettext_lazy("Active"), "success") if row.is_active else badge(gettext_lazy("Closed"))
            ),
        )
    )

    # --- whose ------------------------------------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(tenant_id=request.user.tenant_id)  # type: ignore[union-attr]

    @admin.display(description=gettext_lazy("roles"))
    def role_names(self, row: User) -> str:
        return role_names(row)

    @admin.display(description=gettext_lazy("password"))
    def password_link(self, row: User) -> Any:
        return link(reverse("admin:auth_user_password_change", args=[row.pk]), gettext_lazy("Set a new password"))

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.prefetch_related("groups")

    def search(self, term: str) -> Q:
        return Q(email__icontains=term) | Q(full_name__icontains=term)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    # --- what may be done -------------------------------------------------------------------------------------------
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or not obj.is_superuser or bool(request.user.is_superuser))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Accounts are closed, not deleted: the audit trail goes on naming who did what."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        own = ("is_active",) if obj is not None and obj.pk == request.user.pk else ()
        return (*self.readonly_fields, *own)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look is not shown the way to a new password; one's own roles are shown, not offered."""
        if obj is None:
            return self.add_fieldsets
        changes = self.has_change_permission(request, obj)
        who = ("email", "full_name", "password_link") if changes else ("email", "full_name")
        access = ("is_active", "groups" if changes and obj.pk != request.user.pk else "role_names")
        return (
            (None, {"fields": who}),
            (gettext_lazy("Access"), {"fields": access}),
            (gettext_lazy("Details"), {"fields": ("time_zone", "last_login", "joined_at")}),
        )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "groups" in form.base_fields:
            known: Any = form.base_fields["groups"]
            known.queryset = Group.objects.filter(name__in=BY_CODE)
            known.label_from_instance = role_label
            known.label = gettext_lazy("Roles")
            known.help_text = gettext_lazy("What the person may see and do. Nobody can change their own.")
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.tenant_id = request.user.tenant_id  # type: ignore[union-attr]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Who has a role that works in the admin site may open it; the flag follows the roles."""
        super().save_related(request, form, formsets, change)
        person = form.instance
        names = set(person.groups.values_list("name", flat=True))
        staff = person.is_superuser or any(BY_CODE[name].staff for name in names & set(BY_CODE))
        if staff != person.is_staff:
            person.is_staff = staff
            person.save(update_fields=["is_staff"])
