"""Keys of the API. The page that answers the making of one shows it, once; nothing else ever does."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.compliance.admin.base import RecordAdmin, TenantForm, listed
from apps.compliance.admin.present import Button, Column, Record, Viewer, badge, code
from apps.compliance.models import ApiKey
from apps.compliance.models.api_key import SCOPES
from apps.compliance.services.api_keys import ADD, REVOKE, api_key_create, api_key_revoke
from kivendtout.lib.clock import now
from kivendtout.lib.errors import InvalidInput


def state_badge(key: ApiKey) -> Any:
    if key.revoked_at is not None:
        return badge(gettext_lazy("Revoked"), "danger")
    return badge(gettext_lazy("Open"), "success") if key.is_open(now()) else badge(gettext_lazy("Expired"))


STATE = Column(gettext_lazy("state"), lambda _viewer, key: state_badge(key))
PREFIX = Column(gettext_lazy("beginning of the key"), lambda _viewer, key: code(f"{key.prefix}…"))
SCOPE_NAMES = Column(
    gettext_lazy("may do"), lambda _viewer, key: ", ".join(str(SCOPES.get(one, one)) for one in key.scopes)
)
KIND = Column(
    gettext_lazy("kind"),
    lambda _viewer, key: badge(gettext_lazy("Sandbox"), "info") if key.sandbox else badge(gettext_lazy("Live")),
)


class NewKeyForm(TenantForm):
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("May do"),
        choices=list(SCOPES.items()),
        initial=list(SCOPES),
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "sandbox", "expires_at")

    def clean_expires_at(self) -> Any:
        expires = self.cleaned_data["expires_at"]
        if expires is not None and expires <= now():
            raise forms.ValidationError(gettext_lazy("The expiry has already passed. Give a later one, or none."))
        return expires


@admin.register(ApiKey)
class ApiKeyAdmin(RecordAdmin):
    form = NewKeyForm
    record_icon = "key"
    list_display = ("name", "prefix_shown", "kind", "scope_names", "state", "last_used_at", "expires_at")
    record_facts = (PREFIX, SCOPE_NAMES, "created_by", "created_at", "expires_at", "revoked_at", "last_used_at")
    fieldsets = ((None, {"fields": ("name", "scopes", "sandbox", "expires_at")}),)
    ordering = ("-created_at", "-pk")
    prefix_shown = listed(PREFIX)
    kind = listed(KIND)
    scope_names = listed(SCOPE_NAMES)
    state = listed(STATE)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(ADD))

    # --- making one -------------------------------------------------------------------------------------------------
    @sensitive_variables()
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = form.cleaned_data
        try:
            made, obj.clear_key = api_key_create(
                tenant_id=request.user.tenant_id,  # type: ignore[union-attr]  # the admin site lets nobody else in
                name=given["name"],
                now=now(),
                scopes=given["scopes"],
                sandbox=given["sandbox"],
                expires_at=given["expires_at"],
                actor=request.user,  # type: ignore[arg-type]
            )
            obj.pk, obj.prefix = made.pk, made.prefix
        except InvalidInput as error:
            obj.refused = error.translated

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has written everything."""

    @sensitive_variables()
    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """The answer itself holds the key: a redirect would need it stored somewhere in between."""
        if refused := getattr(obj, "refused", ""):
            messages.error(request, refused)
            return HttpResponseRedirect(request.path)
        back = reverse("admin:compliance_apikey_change", args=[obj.pk])
        context = self._context(request, obj, _("Copy the key now"), back) | {"key": obj.clear_key}
        response = TemplateResponse(request, "admin/kvt/api_key.html", context)
        response.headers["Cache-Control"] = "no-store, private, max-age=0"
        return response

    # --- withdrawing one --------------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.revoke_view)
        return [path("<path:object_id>/revoke/", view, name="compliance_apikey_revoke"), *super().get_urls()]

    def record(self, viewer: Viewer, obj: Any) -> Record:
        record = super().record(viewer, obj)
        record.title, record.badges = obj.name, [KIND.draw(viewer, obj), STATE.draw(viewer, obj)]
        return record

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        if obj.revoked_at is not None or not viewer.user.has_perm(REVOKE):
            return []
        return [Button(_("Revoke"), reverse("admin:compliance_apikey_revoke", args=[obj.pk]), "key_off")]

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        if not request.user.has_perm(REVOKE):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        back = reverse("admin:compliance_apikey_change", args=[obj.pk])
        if request.method == "POST":
            api_key_revoke(key=obj, now=now(), actor=request.user)  # type: ignore[arg-type]
            messages.success(request, _("The key is revoked. It opens nothing any more."))
            return HttpResponseRedirect(back)
        return TemplateResponse(
            request, "admin/kvt/api_key.html", self._context(request, obj, _("Revoke the key"), back)
        )

    def _context(self, request: HttpRequest, obj: Any, title: str, back_url: str) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": title,
            "object": obj,
            "back_url": back_url,
        }
