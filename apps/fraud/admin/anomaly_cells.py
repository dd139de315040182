"""How an anomaly's own values are drawn, in lists and on its page."""

from __future__ import annotations

from typing import Any, Final

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import EMPTY, Column, Section, Viewer, badge, code, link, moment, own_link, table
from apps.compliance.models import ApiKey, User
from apps.customers.models import Customer
from apps.fraud.admin.decision_cells import bar, french, percent, score_text, value_text
from apps.fraud.models import Anomaly, AnomalyKind

TONES: Final = {"open": "warning", "looked_at": "info", "dismissed": "neutral", "confirmed": "danger"}
KIND_TONES: Final = {"payment": "neutral", "access": "info", "database": "info"}


def kind_badge(row: Anomaly) -> Any:
    return badge(row.get_kind_display(), KIND_TONES.get(row.kind, "neutral"))


def status_badge(row: Anomaly) -> Any:
    return badge(row.get_status_display(), TONES.get(row.status, "neutral"))


def strongest(row: Anomaly) -> str:
    """The sentence about what did most."""
    return str(capfirst(row.fields[0]["fr" if french() else "en"])) if row.fields else EMPTY


def whose(viewer: Viewer, row: Anomaly) -> Any:
    """A colleague by the address that colleagues know, where the reader may see accounts."""
    word, _space, rest = row.actor.partition(" ")
    if row.kind == AnomalyKind.PAYMENT:
        return link(viewer.url(Customer.objects.filter(external_id=row.actor).only("pk", "tenant").first()), row.actor)
    if word == "user" and viewer.opens(User):
        person = User.objects.filter(pk=int(rest), tenant_id=row.tenant_id).first()
        return link(viewer.url(person), person) if person else row.actor
    if word == "key":
        key = ApiKey.objects.filter(prefix=rest).first()
        return link(viewer.url(key), key) if key else code(rest)
    return code(row.actor)


def whose_text(_viewer: Viewer, row: Anomaly) -> Any:
    """In a list: no look-up a row."""
    return row.actor


def payment_link(_viewer: Viewer, row: Anomaly) -> Any:
    if row.payment is None:
        return EMPTY
    return link(reverse("admin:payments_payment_change", args=[row.payment_id]), row.payment)


def period_text(_viewer: Viewer, row: Anomaly) -> Any:
    return format_html("{} – {}", moment(row.period_start), moment(row.period_end))


def unusual_text(_viewer: Viewer, row: Anomaly) -> str:
    return _("Odder than %(share)s of the %(rows)s it was compared with") % {
        "share": percent(row.unusual, 2),
        "rows": number_format(row.sample_rows, force_grouping=True),
    }


def sample_text(_viewer: Viewer, row: Anomaly) -> Any:
    return format_html("{} – {}", moment(row.sample_start), moment(row.sample_end))


def anomaly_columns() -> list[Column]:
    return [
        own_link(gettext_lazy("anomaly")),
        Column(gettext_lazy("kind"), lambda _viewer, row: kind_badge(row)),
        Column(gettext_lazy("whose"), whose_text),
        Column(gettext_lazy("what made it odd"), lambda _viewer, row: strongest(row)),
        Column(gettext_lazy("score"), lambda _viewer, row: score_text(row.score), end=True),
        Column(gettext_lazy("status"), lambda _viewer, row: status_badge(row)),
        Column(gettext_lazy("raised at"), lambda _viewer, row: moment(row.raised_at)),
    ]


# --- what made it odd -------------------------------------------------------------------------------------------------
def _label(_viewer: Viewer, told: dict[str, Any]) -> str:
    return str(capfirst(told["label"]["fr" if french() else "en"]))


def _figure(value: Any) -> Any:
    """Rounded first: Django cuts digits off, and a page must not say 50.66 where its sentence says 50.67."""
    return value_text(round(value, 2 if abs(value) >= 1 else 4) if isinstance(value, float) else value)


def _usual(_viewer: Viewer, told: dict[str, Any]) -> Any:
    usual = told["usual"]
    if usual.get("common"):
        return ", ".join(usual["common"])
    if "low" not in usual:
        return EMPTY
    low, high = _figure(usual["low"]), _figure(usual["high"])
    return low if low == high else _("%(low)s to %(high)s") % {"low": low, "high": high}


def _rare(_viewer: Viewer, told: dict[str, Any]) -> str:
    share = told["share"]
    if share == 0:
        return _("no other")
    return _("less than 0.01 %") if share < 0.0001 else percent(share, 2)


def _part(_viewer: Viewer, told: dict[str, Any]) -> Any:
    """Its figure, and a bar as long as that is large."""
    return format_html("{} {}", percent(told["part"], 0), bar(0.0, told["part"]))


def fields_section(viewer: Viewer, row: Anomaly) -> Section:
    shown = [
        Column(gettext_lazy("what"), _label),
        Column(gettext_lazy("value"), lambda _viewer, told: _figure(told["value"]), end=True),
        Column(gettext_lazy("usually"), _usual, end=True),
        Column(gettext_lazy("as far or as rare"), _rare, end=True),
        Column(gettext_lazy("part of the oddness"), _part, end=True),
    ]
    return table(viewer, "fields", _("What made it odd"), row.fields, shown)
