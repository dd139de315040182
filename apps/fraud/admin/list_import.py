"""A file of entries: uploaded, shown as what it would do, and put on the list once somebody confirms."""

from __future__ import annotations

import pickle
import secrets
import zlib
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from redis.exceptions import RedisError

from apps.compliance.admin.present import Column, Section, Viewer, badge, table
from apps.fraud.models import FraudList
from apps.fraud.services.list_csv import MOST_LINES, MOST_MEGABYTES, InvalidImport, Line
from apps.fraud.services.list_import import OUTCOMES, Plan, list_import_apply, list_import_read
from apps.fraud.services.lists import MANAGE
from kivendtout.lib.clock import now
from kivendtout.lib.errors import Conflict, KvtError, ServiceUnavailable

TEMPLATE = "admin/fraud/lists/import.html"
# Of each outcome, a person looks at this many lines; the counts tell of the rest.
SHOWN: Final = 100
# Long enough to read a preview over; what waits holds no value in clear that the list would not hold.
KEPT_SECONDS: Final = 15 * 60
LABELS = {
    "new": (gettext_lazy("New"), "success"),
    "already": (gettext_lazy("Already there"), "info"),
    "invalid": (gettext_lazy("Invalid"), "danger"),
}


class PreviewGone(Conflict):
    code = "preview_gone"
    message = gettext_noop("This preview has expired or was used already. Upload the file again.")


class NotKept(ServiceUnavailable):
    code = "preview_not_kept"
    message = gettext_noop("The preview cannot be kept, as Redis does not answer. Try again shortly.")


class FileForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        help_text=gettext_lazy("UTF-8; the first line names the columns: value, reason and, if you like, expires_at."),
    )

    def text(self) -> str:
        file = self.cleaned_data["file"]
        if file.size > MOST_MEGABYTES * 1_000_000:
            raise InvalidImport(gettext_noop("The file is larger than %(most)s MB. Split it."), most=MOST_MEGABYTES)
        try:
            return str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise InvalidImport(
                gettext_noop("The file is not UTF-8 text. Save it as “CSV UTF-8” and upload it again.")
            ) from error


def line_columns() -> list[Column]:
    def outcome(_viewer: Viewer, line: Line) -> Any:
        label, tone = LABELS[line.outcome]
        return badge(label, tone)

    return [
        Column(gettext_lazy("line"), lambda _viewer, line: line.number, end=True),
        Column(gettext_lazy("outcome"), outcome),
        Column(gettext_lazy("value"), lambda _viewer, line: line.shown or "—"),
        Column(gettext_lazy("why"), lambda _viewer, line: _(line.sentence) if line.sentence else ""),
    ]


class ImportMixin:
    """Adds `<id>/import/`. The file is read once; what it would do waits in the cache until it is confirmed."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.import_view)  # type: ignore[attr-defined]
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("<path:object_id>/import/", view, name="fraud_fraudlist_import"), *urls]

    def import_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        fraud_list = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
        self.require(request, MANAGE, fraud_list)  # type: ignore[attr-defined]
        if fraud_list is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        uploads = request.method == "POST" and "token" not in request.POST
        form = FileForm(request.POST, request.FILES) if uploads else FileForm()
        try:
            if uploads and form.is_valid():
                return self._preview(request, fraud_list, form)
            if request.method == "POST" and not uploads:
                return self._confirmed(request, fraud_list)
        except KvtError as error:
            form = form if uploads else FileForm({}, MultiValueDict())
            form.add_error(None, error.translated)
            form.errors.pop("file", None)
        return self._page(request, fraud_list, {"form": form, "most": MOST_LINES})

    def _preview(self, request: HttpRequest, fraud_list: FraudList, form: FileForm) -> HttpResponse:
        plan = list_import_read(fraud_list=fraud_list, text=form.text(), actor=request.user, now=now())  # type: ignore[arg-type]
        token = secrets.token_urlsafe(24)
        keep(request, fraud_list, token, plan)
        viewer = Viewer(request)
        counts = plan.counts()
        context = {"sections": sections(viewer, plan), "token": token, "rows": len(plan.rows), **counts}
        return self._page(request, fraud_list, context)

    def _confirmed(self, request: HttpRequest, fraud_list: FraudList) -> HttpResponse:
        plan = kept(request, fraud_list, request.POST["token"])
        done = list_import_apply(fraud_list=fraud_list, plan=plan, actor=request.user, now=now())  # type: ignore[arg-type]
        told = {"added": done.added, "updated": done.updated}
        messages.success(request, _("%(added)s entries added, %(updated)s updated.") % told)
        return HttpResponseRedirect(reverse("admin:fraud_fraudlist_change", args=[fraud_list.pk]))

    def _page(self, request: HttpRequest, fraud_list: FraudList, more: dict[str, Any]) -> HttpResponse:
        back = reverse("admin:fraud_fraudlist_change", args=[fraud_list.pk])
        response: HttpResponse = self.page(  # type: ignore[attr-defined]
            request, TEMPLATE, _("Import a file"), fraud_list, {"back_url": back, **more}
        )
        return response


def sections(viewer: Viewer, plan: Plan) -> list[Section]:
    """What needs a person's eye first."""
    found = []
    for outcome in reversed(OUTCOMES):
        lines = [line for line in plan.lines if line.outcome == outcome]
        if lines:
            label = LABELS[outcome][0]
            title = f"{label} ({len(lines)})"
            section = table(viewer, outcome, title, lines[:SHOWN], line_columns())
            if len(lines) > SHOWN:
                section.title = f"{title} · " + _("the first %(shown)s") % {"shown": SHOWN}
            found.append(section)
    return found


def _key(request: HttpRequest, fraud_list: FraudList, token: str) -> str:
    return f"list-import:{fraud_list.tenant_id}:{fraud_list.pk}:{request.user.pk}:{token[:64]}"


def keep(request: HttpRequest, fraud_list: FraudList, token: str, plan: Plan) -> None:
    try:
        cache.set(_key(request, fraud_list, token), zlib.compress(pickle.dumps(plan), 1), KEPT_SECONDS)
    except RedisError as error:
        raise NotKept from error


def kept(request: HttpRequest, fraud_list: FraudList, token: str) -> Plan:
    """Once: a form sent twice imports once. The cache is ours alone, so what it holds may be unpickled."""
    key = _key(request, fraud_list, token if token.isascii() and token.isprintable() and " " not in token else "-")
    try:
        packed = cache.get(key)
        if packed is None or not cache.delete(key):
            raise PreviewGone
    except RedisError as error:
        raise NotKept from error
    plan = pickle.loads(zlib.decompress(packed))  # noqa: S301  written by keep(), above
    assert isinstance(plan, Plan)
    return plan
