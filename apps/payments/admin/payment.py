from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.base import RecordAdmin, Titled, listed
from apps.compliance.admin.filters import choice_filter, country_filter, related_filter
from apps.compliance.admin.periods import period_filter
from apps.compliance.admin.present import Button, Record, Viewer
from apps.customers.admin.find import FindMixin
from apps.customers.models import DeviceKind
from apps.customers.selectors.search import customer_ids
from apps.payments.admin import payment_page
from apps.payments.admin.cells import JOINED, LIST_COLUMNS, payment_columns, status_badge
from apps.payments.models import Currency, Payment, PaymentMethod, PaymentReference, PaymentTransition
from apps.payments.selectors.activity import status_labels
from apps.payments.selectors.history import payment_get
from apps.payments.services.states import payment_change_status
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError

CHANGE_STATUS = "payments.change_payment_status"


class StatusForm(forms.Form):
    to_status = forms.ChoiceField(label=gettext_lazy("New status"))
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Kept in the payment's history with your name. It cannot be edited afterwards."),
    )

    def __init__(self, payment: Payment, *args: Any) -> None:
        super().__init__(*args)
        allowed = PaymentTransition.objects.filter(from_status_id=payment.status_id).order_by("pk")
        labels = status_labels()
        codes = allowed.values_list("to_status_id", flat=True)
        self.fields["to_status"].choices = [(code, labels.get(code, code)) for code in codes]  # type: ignore[attr-defined]


@admin.register(Payment)
class PaymentAdmin(FindMixin, RecordAdmin):
    list_display = ("number", "attempted", "state", "paid", "who", "paid_to", "paid_with", "made_from")
    list_filter = (
        period_filter("attempted_at"),
        related_filter("customer", gettext_lazy("customer")),
        related_filter("merchant", gettext_lazy("merchant")),
        related_filter("method", gettext_lazy("method")),
        related_filter("device", gettext_lazy("device")),
        related_filter("session", gettext_lazy("session")),
        choice_filter(gettext_lazy("status"), "status", lambda: status_labels().items()),
        choice_filter(
            gettext_lazy("method"), "method__kind", lambda: PaymentMethod.Kind.choices, parameter="method_kind"
        ),
        choice_filter(gettext_lazy("device kind"), "device__kind", lambda: DeviceKind.choices, parameter="device_kind"),
        choice_filter(
            gettext_lazy("currency"),
            "currency",
            lambda: [(c, c) for c in Currency.objects.values_list("pk", flat=True)],
        ),
        country_filter("payment_country"),
    )
    search_fields = ("reference",)
    search_hint = gettext_lazy("A whole payment number, customer number, e-mail address or phone number.")
    ordering = ("-attempted_at", "-reference_id")
    sortable_by = ()
    record_icon = "payments"

    number, attempted, state, paid, who, paid_to, paid_with, made_from = (listed(one) for one in payment_columns())

    def for_list(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.select_related(*JOINED).only(*LIST_COLUMNS)

    def search(self, term: str) -> Q:
        found = PaymentReference.objects.filter(external_id=term).values_list("pk", "attempted_at").first()
        if found is not None:
            return Q(pk=found[0], attempted_at=found[1])  # both, so that one partition is opened
        return Q(customer_id__in=customer_ids(term))

    # --- one payment --------------------------------------------------------------------------------------------------
    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Payment | None:
        if not object_id.isascii() or not object_id.isdigit() or len(object_id) > 18:
            return None
        return payment_get(pk=int(object_id), queryset=self.get_queryset(request).select_related(*payment_page.JOINED))

    def record(self, viewer: Viewer, obj: Any) -> Record:
        return payment_page.record(viewer, obj, self.buttons(viewer, obj))

    def buttons(self, viewer: Viewer, obj: Any) -> list[Button]:
        movable = viewer.user.has_perm(CHANGE_STATUS)
        if not movable or not PaymentTransition.objects.filter(from_status_id=obj.status_id).exists():
            return []
        url = reverse("admin:payments_payment_status", args=[obj.pk])
        return [Button(_("Change status"), url, "swap_horiz", primary=True)]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.status_view)
        return [path("<path:object_id>/status/", view, name="payments_payment_status"), *super().get_urls()]

    def status_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        payment = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, payment) or not request.user.has_perm(CHANGE_STATUS):
            raise PermissionDenied
        if payment is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = StatusForm(payment, request.POST) if request.method == "POST" else StatusForm(payment)
        if form.is_valid() and self._move(request, payment, form):
            return HttpResponseRedirect(reverse("admin:payments_payment_change", args=[payment.pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": _("Change status"),
            "object": Titled(payment, payment.reference.external_id),
            "form": form,
            "current": status_badge(Viewer(request), payment.status_id),
            "back_url": reverse("admin:payments_payment_change", args=[payment.pk]),
        }
        return TemplateResponse(request, "admin/payments/payment/status.html", context)

    def _move(self, request: HttpRequest, payment: Payment, form: StatusForm) -> bool:
        to_status, reason = form.cleaned_data["to_status"], form.cleaned_data["reason"]
        try:
            payment_change_status(payment=payment, to_status=to_status, reason=reason, actor=request.user, now=now())  # type: ignore[arg-type]
        except KvtError as error:
            form.add_error(None, error.translated)
            return False
        messages.success(request, _("The status has been changed."))
        return True
