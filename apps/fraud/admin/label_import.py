"""A file of verdicts: uploaded, shown as what it would do, and recorded once somebody confirms."""

from __future__ import annotations

import re
import secrets
import zlib
from typing import Any, Final

import msgspec
from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from redis.exceptions import RedisError

from apps.compliance.admin.present import Column, Section, Viewer, table
from apps.compliance.models import Tenant
from apps.fraud.admin.list_import import KEPT_SECONDS, SHOWN, NotKept, PreviewGone
from apps.fraud.events import LabelEvent
from apps.fraud.models import FraudLabel
from apps.fraud.services.label_csv import InvalidLabelFile, Read
from apps.fraud.services.label_import import (
    IMPORT,
    LabelPlan,
    fault_sentence,
    importer_require,
    label_import_apply,
    label_import_read,
)
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError
from kivendtout.lib.tenancy import require_tenant_id

TEMPLATE = "admin/fraud/labels/import.html"
# What a page answers for in one go; longer files are for the command.
MOST_LINES: Final = 100_000
MOST_MEGABYTES: Final = 20
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_decode: Final = msgspec.msgpack.Decoder(tuple[str, list[tuple[int, LabelEvent]]]).decode


class LabelFileForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        help_text=gettext_lazy(
            "UTF-8; the first line names the columns: payment_id, is_fraud, known_at and, if you like, source and "
            "pattern."
        ),
    )
    source = forms.ChoiceField(
        label=gettext_lazy("Source"),
        choices=[("", gettext_lazy("As the file says")), *FraudLabel.Source.choices],
        required=False,
        help_text=gettext_lazy("Who says so, for lines that do not name their source."),
    )

    def lines(self) -> list[str]:
        file = self.cleaned_data["file"]
        if file.size > MOST_MEGABYTES * 1_000_000:
            told = gettext_noop("The file is larger than %(most)s MB. Split it.")
            raise InvalidLabelFile(told, most=MOST_MEGABYTES)
        try:
            return _LINE_END.split(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise InvalidLabelFile(
                gettext_noop("The file is not UTF-8 text. Save it as “CSV UTF-8” and upload it again.")
            ) from error


class LabelImportMixin:
    """Adds `import/`. The file is read once; what it would do waits in the cache until it is confirmed."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.import_view)  # type: ignore[attr-defined]
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("import/", view, name="fraud_fraudlabel_import"), *urls]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        self.require(request, IMPORT)  # type: ignore[attr-defined]
        uploads = request.method == "POST" and "token" not in request.POST
        form = LabelFileForm(request.POST, request.FILES) if uploads else LabelFileForm()
        try:
            if uploads and form.is_valid():
                return self._preview(request, form)
            if request.method == "POST" and not uploads:
                return self._confirmed(request)
        except KvtError as error:
            form = form if uploads else LabelFileForm({}, MultiValueDict())
            form.add_error(None, error.translated)
            form.errors.pop("file", None)
        return self._page(request, {"form": form, "most": MOST_LINES})

    def _preview(self, request: HttpRequest, form: LabelFileForm) -> HttpResponse:
        tenant = Tenant.objects.get(pk=require_tenant_id())
        importer_require(request.user, tenant.pk)  # type: ignore[arg-type]
        source = form.cleaned_data["source"] or None
        plan = label_import_read(tenant=tenant, lines=form.lines(), now=now(), source=source, most=MOST_LINES)
        token = secrets.token_urlsafe(24)
        keep(request, tenant.pk, token, plan)
        context = {"sections": rejected(Viewer(request), plan), "token": token, "rows": len(plan.reads)}
        return self._page(request, {**context, "ignored": ", ".join(plan.ignored), **plan.counts})

    def _confirmed(self, request: HttpRequest) -> HttpResponse:
        tenant = Tenant.objects.get(pk=require_tenant_id())
        plan = kept(request, tenant.pk, request.POST["token"])
        done = label_import_apply(tenant=tenant, plan=plan, now=now(), actor=request.user)  # type: ignore[arg-type]
        told = {"new": done.new, "changed": done.changed, "repeated": done.repeated}
        messages.success(request, _("%(new)s labels recorded, %(changed)s changed, %(repeated)s known already.") % told)
        return HttpResponseRedirect(reverse("admin:fraud_fraudlabel_changelist"))

    def _page(self, request: HttpRequest, more: dict[str, Any]) -> HttpResponse:
        context = {"back_url": reverse("admin:fraud_fraudlabel_changelist"), **more}
        response: HttpResponse = self.page(request, TEMPLATE, _("Import a file"), None, context)  # type: ignore[attr-defined]
        return response


def rejected(viewer: Viewer, plan: LabelPlan) -> list[Section]:
    if not plan.faults:
        return []
    title = f"{_('Invalid')} ({len(plan.faults)})"
    if len(plan.faults) > SHOWN:
        title = f"{title} · " + _("the first %(shown)s") % {"shown": SHOWN}
    columns = [
        Column(gettext_lazy("line"), lambda _viewer, fault: fault.line, end=True),
        Column(gettext_lazy("why"), lambda _viewer, fault: fault_sentence(fault)),
    ]
    return [table(viewer, "rejected", title, plan.faults[:SHOWN], columns)]


def _key(request: HttpRequest, tenant_id: int, token: str) -> str:
    safe = token if token.isascii() and token.isprintable() and " " not in token else "-"
    return f"label-import:{tenant_id}:{request.user.pk}:{safe[:64]}"


def keep(request: HttpRequest, tenant_id: int, token: str, plan: LabelPlan) -> None:
    """Valid lines only: a line that was refused may hold what must be kept nowhere."""
    packed = msgspec.msgpack.encode((plan.digest, [(read.line, read.event) for read in plan.reads]))
    try:
        cache.set(_key(request, tenant_id, token), zlib.compress(packed, 1), KEPT_SECONDS)
    except RedisError as error:
        raise NotKept from error


def kept(request: HttpRequest, tenant_id: int, token: str) -> LabelPlan:
    """Once: a form sent twice imports once."""
    key = _key(request, tenant_id, token)
    try:
        packed = cache.get(key)
        if packed is None or not cache.delete(key):
            raise PreviewGone
    except RedisError as error:
        raise NotKept from error
    digest, reads = _decode(zlib.decompress(packed))
    return LabelPlan(reads=[Read(line, event) for line, event in reads], digest=digest)
