"""The "Reveal, with a reason" page of a record that holds personal data."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from apps.compliance.admin.present import Button, Fact, Viewer, plain
from apps.customers.services.reveal import (
    LONGEST_REASON,
    PERMISSION,
    SHORTEST_REASON,
    personal_data_reveal,
    revealable_fields,
)
from kivendtout.lib.errors import InvalidInput


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        min_length=SHORTEST_REASON,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        help_text=gettext_lazy("At least 10 characters. It is kept in the audit trail with your name."),
    )


class RevealMixin:
    """Adds `<id>/reveal/` and its button to a RecordAdmin. The values exist in the answer to the POST, nowhere else."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.reveal_view)  # type: ignore[attr-defined]
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("<path:object_id>/reveal/", view, name=f"{self._place}_reveal"), *urls]

    @property
    def _place(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"  # type: ignore[attr-defined]

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        if not viewer.reveals or not revealable_fields(type(obj)):
            return []
        url = reverse(f"admin:{self._place}_reveal", args=[obj.pk])
        return [Button(_("Reveal, with a reason"), url, "visibility")]

    @sensitive_variables()
    def reveal_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
        if not self.has_view_permission(request, obj):  # type: ignore[attr-defined]
            raise PermissionDenied
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        form = ReasonForm(request.POST if request.method == "POST" else None)
        shown = self._reveal(request, obj, form) if form.is_valid() else None
        response = self._page(request, obj, form, shown)
        add_never_cache_headers(response)
        response.headers["Cache-Control"] = "no-store, private, max-age=0"
        return response

    def _reveal(self, request: HttpRequest, obj: Any, form: ReasonForm) -> list[Fact] | None:
        try:
            values = personal_data_reveal(instance=obj, reason=form.cleaned_data["reason"], actor=request.user)  # type: ignore[arg-type]
        except InvalidInput as error:
            form.add_error("reason", error.translated)
            return None
        label = self.opts.get_field  # type: ignore[attr-defined]
        return [Fact(capfirst(str(label(name).verbose_name)), plain(value)) for name, value in values.items()]

    def _page(self, request: HttpRequest, obj: Any, form: ReasonForm, shown: list[Fact] | None) -> HttpResponse:
        names = [str(self.opts.get_field(name).verbose_name) for name in revealable_fields(type(obj))]  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": self.opts,  # type: ignore[attr-defined]
            "media": self.media,  # type: ignore[attr-defined]
            "title": _("Reveal personal data"),
            "object": obj,
            "names": ", ".join(names),
            "form": form,
            "facts": shown,
            "back_url": reverse(f"admin:{self._place}_change", args=[obj.pk]),
        }
        return TemplateResponse(request, "admin/kvt/reveal.html", context)
