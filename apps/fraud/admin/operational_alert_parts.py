"""How an operational alert is drawn, and the forms behind its buttons."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import Button, Cell, Column, Fact, Section, Viewer, badge, code, link, moment, plain
from apps.fraud.models import OperationalAlert, Scorer, ScorerWatch
from apps.fraud.services.operational_alert_texts import operational_alert_sentence
from apps.fraud.services.operational_alerts import CHANGE, NOTE_LENGTH
from apps.fraud.services.scorer_force import PROMOTE, PROPOSE
from apps.fraud.services.threshold_advice import Advice

Kind, Status = OperationalAlert.Kind, OperationalAlert.Status
TONES: Final = {
    Kind.SCORER_FAILED: "danger", Kind.SCORER_SLOW: "danger", Kind.TRAINING_FAILED: "danger", Kind.DECAY: "danger",
    Kind.DRIFT: "warning", Kind.VOLUME: "warning", Kind.CALIBRATION: "warning", Kind.RETRAINED: "info",
}  # fmt: skip
SHORT: Final = {
    Kind.SCORER_FAILED: gettext_lazy("No answer"), Kind.SCORER_SLOW: gettext_lazy("Too slow"),
    Kind.TRAINING_FAILED: gettext_lazy("Training"), Kind.DECAY: gettext_lazy("Accuracy"),
    Kind.DRIFT: gettext_lazy("Drift"), Kind.VOLUME: gettext_lazy("Volume"),
    Kind.CALIBRATION: gettext_lazy("Calibration"), Kind.RETRAINED: gettext_lazy("Proposal"),
}  # fmt: skip
# As an alert is spoken of; other lists have another gender in French.
STATES: Final[dict[str, Any]] = {Status.OPEN: Status.OPEN.label, Status.HANDLED: gettext_lazy("Taken care of")}
# What can be done about each, beside saying that it is handled.
RETRAIN: Final = {Kind.DRIFT, Kind.DECAY, Kind.CALIBRATION, Kind.VOLUME, Kind.SCORER_FAILED, Kind.TRAINING_FAILED}
THRESHOLD: Final = {Kind.VOLUME, Kind.DRIFT, Kind.DECAY, Kind.CALIBRATION}
GO_BACK: Final = {Kind.VOLUME, Kind.DRIFT, Kind.DECAY, Kind.CALIBRATION, Kind.SCORER_FAILED, Kind.SCORER_SLOW}
FIGURES: Final = {
    "score_psi": (gettext_lazy("PSI of the score"), 3), "weight": (gettext_lazy("weight of what has shifted"), 3),
    "auc": (gettext_lazy("AUC"), 3), "auc_training": (gettext_lazy("AUC when trained"), 3),
    "auc_champion": (gettext_lazy("AUC of the scorer that decides"), 3),
    "average_precision": (gettext_lazy("average precision"), 3),
    "average_precision_champion": (gettext_lazy("average precision of the scorer that decides"), 3),
    "limit": (gettext_lazy("limit"), 3), "labelled": (gettext_lazy("labelled payments"), 0),
    "alerts": (gettext_lazy("alerts"), 0), "usual": (gettext_lazy("usual alerts"), 0),
    "payments": (gettext_lazy("payments"), 0), "frauds": (gettext_lazy("frauds"), 0),
    "expected": (gettext_lazy("expected share of fraud"), 4), "seen": (gettext_lazy("share of fraud that came"), 4),
}  # fmt: skip
BASES: Final = {
    "own_days": gettext_lazy("the median of the last same weekdays of this scorer"),
    "statement": gettext_lazy("what was said when it was promoted"),
    "days_before": gettext_lazy("the median of the last same weekdays, whatever decided then"),
}


class NoteForm(forms.Form):
    note = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        help_text=gettext_lazy("What you found or did. It is kept with your name."),
    )


class ThresholdForm(NoteForm):
    challenge = forms.FloatField(label=gettext_lazy("Challenge from"), min_value=0, max_value=1)
    field_order = ("challenge", "note")

    def __init__(self, data: Any, *, advice: Advice) -> None:
        super().__init__(data, initial={"challenge": advice.challenge})
        field = self.fields["challenge"]
        field.widget.attrs |= {"step": "any", "inputmode": "decimal"}
        told = {name: number_format(getattr(advice, name)) for name in ("now", "least", "most")}
        field.help_text = _("Now %(now)s. One person may move it between %(least)s and %(most)s.") % told
        if advice.usual is not None:
            usual = {"usual": number_format(round(advice.usual))}
            field.help_text += " " + _("The one offered brings back about %(usual)s alerts a day.") % usual


def short_name(kind: str) -> str:
    return str(SHORT[Kind(kind)]) if kind in SHORT else kind


def kind_badge(alert: OperationalAlert) -> Any:
    return badge(short_name(alert.kind), TONES.get(Kind(alert.kind), "neutral"))


def status_badge(alert: OperationalAlert) -> Any:
    return badge(STATES[alert.status], "warning" if alert.status == Status.OPEN else "neutral")


def alert_columns() -> list[Column]:
    return [
        Column(gettext_lazy("what"), lambda viewer, row: link(viewer.url(row), row.get_kind_display())),
        Column(gettext_lazy("what happened"), lambda _viewer, row: operational_alert_sentence(row)),
        Column(gettext_lazy("status"), lambda _viewer, row: status_badge(row)),
        Column(gettext_lazy("times"), lambda _viewer, row: number_format(row.times), end=True),
        Column(gettext_lazy("raised at"), lambda _viewer, row: moment(row.raised_at)),
        Column(gettext_lazy("last seen"), lambda _viewer, row: moment(row.last_at)),
    ]


def figures(alert: OperationalAlert) -> Section:
    facts = [
        Fact(str(capfirst(str(label))), number_format(value, digits, force_grouping=True))
        for name, (label, digits) in FIGURES.items()
        if isinstance(value := alert.facts.get(name), int | float)
    ]
    basis = BASES.get(alert.facts.get("basis", ""))
    if basis:
        facts.append(Fact(_("Usual is"), basis))
    return Section("figures", _("Figures"), facts=facts, empty=_("This alert has no figures."))


def shifted(alert: OperationalAlert) -> list[Section]:
    found = alert.facts.get("features")
    if not isinstance(found, list) or not found:
        return []
    headings = [
        Column(gettext_lazy("feature"), lambda _v, _r: ""),
        Column(gettext_lazy("PSI"), lambda _v, _r: "", end=True),
        Column(gettext_lazy("weight in the scorer"), lambda _v, _r: "", end=True),
    ]
    rows = [
        [
            Cell(code(one.get("name")), False),
            Cell(number_format(one.get("psi") or 0, 2), True),
            Cell(number_format(one.get("weight") or 0, 3), True),
        ]
        for one in found
    ]
    return [Section("features", _("What has shifted"), headings, rows)]


def watch_link(viewer: Viewer, alert: OperationalAlert) -> Any:
    day = alert.facts.get("day")
    row = ScorerWatch.objects.filter(scorer_id=alert.scorer_id, day=day).only("pk", "tenant").first() if day else None
    return link(viewer.url(row), _("The day's watch")) if row else plain(None)


def scorer_link(viewer: Viewer, alert: OperationalAlert) -> Any:
    return link(viewer.url(alert.scorer), alert.scorer) if alert.scorer_id else plain(None)


def action_buttons(viewer: Viewer, alert: OperationalAlert) -> list[Button]:
    """Those that help with this kind, and that this person may press."""
    if alert.status != Status.OPEN or not viewer.user.has_perm(CHANGE):
        return []
    decides = alert.scorer is not None and alert.scorer.stage == Scorer.Stage.CHAMPION
    offered = (
        ("retrain", _("Train a new one"), "model_training", alert.kind in RETRAIN and viewer.user.has_perm(PROPOSE)),
        ("threshold", _("Raise the threshold"), "tune", alert.kind in THRESHOLD and decides and _promotes(viewer)),
        ("go-back", _("Take it back"), "undo", alert.kind in GO_BACK and decides and _promotes(viewer)),
        ("handle", _("Mark as handled"), "check", True),
    )
    url = viewer.url(alert.scorer) if alert.kind == Kind.RETRAINED else ""
    look = [Button(_("Look at it"), url, "search", primary=True)] if url else []
    return look + [
        Button(label, reverse(f"admin:fraud_operationalalert_{step}", args=[alert.pk]), icon)
        for step, label, icon, shown in offered
        if shown
    ]


def _promotes(viewer: Viewer) -> bool:
    return bool(viewer.user.has_perm(PROMOTE))
