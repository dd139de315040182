from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, PERSONAL, SECRET


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> models.QuerySet[User]:
        return super().get_queryset().select_related("tenant")  # each request needs both

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, **fields, is_staff=True, is_superuser=True)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person (or a partner's technical account) who signs in by e-mail. Roles are groups, see roles.py."""

    tenant = models.ForeignKey(
        "compliance.Tenant",
        on_delete=models.PROTECT,
        related_name="users",
        verbose_name=_("tenant"),
        help_text="The organisation the person works for.",
    )
    email = models.EmailField(_("e-mail"), unique=True, help_text="Signs in with it.")
    full_name = models.CharField(_("full name"), max_length=150, blank=True, help_text="Shown to colleagues.")
    is_active = models.BooleanField(_("active"), default=True, help_text="May sign in.")
    is_staff = models.BooleanField(_("staff"), default=False, help_text="May open the admin site.")
    time_zone = models.CharField(
        _("time zone"), max_length=64, blank=True, help_text="Zone in which times are shown; empty for the tenant's."
    )
    joined_at = models.DateTimeField(_("joined at"), auto_now_add=True, help_text="When the account was made.")

    objects: ClassVar[UserManager] = UserManager()

    NAME_IS_PERSONAL: ClassVar[bool] = True  # the audit log then writes the row's number instead

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["tenant"]

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            ["id", "tenant", "is_active", "is_staff", "is_superuser", "time_zone", "joined_at", "last_login"], NONE
        ),
        "email": PERSONAL,
        "full_name": PERSONAL,
        "password": SECRET,
    }
    RETENTION: ClassVar[str] = "while employed, then 12 months"

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once_whatever_its_case")]

    def __str__(self) -> str:
        return self.full_name or self.email
