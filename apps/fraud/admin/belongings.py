"""Alerts and labels on their payment's page."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import Column, Section, Viewer, badge, column, latest_table, own_link, table
from apps.fraud.admin.decision_cells import decision_columns
from apps.fraud.models import Decision, FraudAlert, FraudLabel
from apps.payments.models import Payment

STATUS_TONES = {"PENDING_REVIEW": "warning", "INVESTIGATING": "info", "APPROVED": "success", "BLOCKED": "danger"}
SEVERITY_TONES = {"LOW": "neutral", "MEDIUM": "warning", "HIGH": "danger"}


def status_badge(alert: FraudAlert) -> Any:
    return badge(alert.get_status_display(), STATUS_TONES.get(alert.status, "neutral"))


def severity_badge(alert: FraudAlert) -> Any:
    return badge(alert.get_severity_display(), SEVERITY_TONES.get(alert.severity, "neutral"))


def verdict(label: FraudLabel) -> Any:
    return badge(_("Fraud"), "danger") if label.is_fraud else badge(_("Genuine"), "success")


def alert_columns() -> list[Column]:
    return [
        own_link(gettext_lazy("alert number")),
        column(FraudAlert, "rule"),
        Column(gettext_lazy("severity"), lambda _viewer, row: severity_badge(row)),
        Column(gettext_lazy("status"), lambda _viewer, row: status_badge(row)),
        column(FraudAlert, "raised_at"),
    ]


def label_columns() -> list[Column]:
    return [
        Column(gettext_lazy("verdict"), lambda _viewer, row: verdict(row)),
        column(FraudLabel, "source"),
        column(FraudLabel, "pattern"),
        column(FraudLabel, "known_at"),
    ]


def of_payment_columns() -> list[Column]:
    """Without what the page says anyway, so that the table fits beside what stands at its right."""
    spared = {gettext_lazy("payment"), gettext_lazy("asked by")}
    return [one for one in decision_columns() if one.label not in spared]


def of_payment(viewer: Viewer, payment: Payment) -> list[Section]:
    alerts = FraudAlert.objects.filter(payment_id=payment.pk).order_by("-raised_at", "-pk")
    labels = FraudLabel.objects.filter(payment_id=payment.pk).order_by("-known_at", "-pk")
    decision = Decision.objects.filter(pk=payment.pk).select_related("payment")
    return [
        table(
            viewer,
            "decision",
            _("Decision"),
            list(decision),
            of_payment_columns(),
            empty=_("It was recorded without being decided on."),
        ),
        latest_table(
            viewer, "alerts", _("Fraud alerts"), alerts, alert_columns(), empty=_("No alert has been raised.")
        ),
        latest_table(
            viewer, "labels", _("Fraud labels"), labels, label_columns(), empty=_("Nobody has judged it yet.")
        ),
    ]
