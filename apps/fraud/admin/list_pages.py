"""A form on a page of its own: what it sends goes to a service, and a refusal stands above its fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers

from apps.compliance.admin.base import RecordAdmin
from kivendtout.lib.errors import KvtError


class UnseenInput(forms.TextInput):
    """Never echoes what was typed: a page sent back with a fault must not hold the value, nor a browser keep it."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "off", "spellcheck": "false"})

    def format_value(self, value: Any) -> None:
        return None


class PagesAdmin(RecordAdmin):
    """Records that are added and changed on pages of ours: Django's own forms would write rows past the services."""

    def require(self, request: HttpRequest, permission: str, obj: Any = None) -> None:
        if not request.user.has_perm(permission) or not self.has_view_permission(request, obj):
            raise PermissionDenied

    def form_page(
        self,
        request: HttpRequest,
        form: forms.Form,
        save: Callable[[dict[str, Any]], HttpResponse],
        *,
        title: Any,
        submit: Any,
        back_url: str,
        obj: Any = None,
        icon: str = "edit",
        note: Any = "",
        template: str = "admin/fraud/lists/form.html",
        more: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        if request.method == "POST" and form.is_valid():
            try:
                return save(form.cleaned_data)
            except KvtError as error:
                form.add_error(None, error.translated)
        context = {"form": form, "submit_label": submit, "back_url": back_url, "note": note, "page_icon": icon}
        return self.page(request, template, title, obj, {**context, **(more or {})})

    def page(self, request: HttpRequest, template: str, title: Any, obj: Any, more: dict[str, Any]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": title,
            "object": obj,
            **more,
        }
        response = TemplateResponse(request, template, context)
        add_never_cache_headers(response)
        return response
