"""How a day's watch is drawn: badges against limits, and the shares of each bin as bars, then and now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils.dateparse import parse_date
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import EMPTY, Cell, Column, Fact, Section, badge, code, plain
from apps.fraud.admin.decision_cells import french, percent
from apps.fraud.admin.operational_alert_parts import BASES, short_name
from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.models import OperationalAlert, ScorerWatch
from apps.fraud.scorers.drift import bin_names
from apps.fraud.services.operational_alert_texts import sentence_of
from apps.fraud.services.scorer_watch_bounds import CALENDAR, PSI_LIMIT

# Below, nobody needs to look; above the limit, somebody must.
ORDINARY: Final = 0.1
BAR, GAP, HIGH = 5, 3, 28
Found = Mapping[str, Any]


def psi_badge(value: float | None) -> Any:
    if value is None:
        return EMPTY
    tone = "danger" if value > PSI_LIMIT else "warning" if value > ORDINARY else "success"
    return badge(number_format(value, 2), tone)


def figure(value: float | None, digits: int = 3) -> str:
    return EMPTY if value is None else number_format(value, digits, force_grouping=True)


def _day(text: Any) -> str:
    day = parse_date(str(text))
    return date_format(day, "j N Y") if day else EMPTY


def worst_psi(row: ScorerWatch) -> Any:
    return format_html("{} {}", psi_badge(row.worst_psi), code(row.worst_feature)) if row.worst_feature else EMPTY


def out_badges(out: Any) -> Any:
    if not out:
        return badge(_("Quiet"), "success")
    return format_html_join(" ", "{}", ((badge(short_name(one["kind"]), "danger"),) for one in out))


def out_section(row: ScorerWatch) -> Section:
    told = [sentence_of(one["kind"], one["facts"], str(row.scorer)) for one in row.findings.get("out", [])]
    light = [
        _("%(feature)s has shifted (PSI %(psi)s). It weighs %(weight)s in the scorer, so no alert was raised by it.")
        % {"feature": one["name"], "psi": figure(one["psi"], 2), "weight": percent(one["weight"])}
        for one in row.findings.get("shifted", [])
        if one["name"] not in CALENDAR
    ]
    drift = any(one["kind"] == OperationalAlert.Kind.DRIFT for one in row.findings.get("out", []))
    texts = told + ([] if drift else light)
    rows = [[Cell(text, False)] for text in texts]
    heading = [Column(gettext_lazy("what happened"), lambda _v, _r: "")]
    return Section("out", _("Out of bounds"), heading, rows, empty=_("Nothing was out of bounds."))


def labels_section(row: ScorerWatch) -> Section:
    told: Found = row.findings.get("labels") or {}
    facts = [
        Fact(_("Payments"), _("%(payments)s, from %(from)s to %(until)s, %(told)s of them with a label")
             % {"payments": figure(told.get("payments"), 0), "told": figure(told.get("told"), 0),
                "from": _day(told.get("from")), "until": _day(told.get("until"))}),
        Fact(_("Frauds"), figure(told.get("frauds"), 0)),
        Fact(_("AUC, and when it was trained"), f"{figure(row.auc)} · {figure(told.get('auc_training'))}"),
        Fact(_("Fraud expected, and come"), f"{percent(told.get('expected'), 2)} · {percent(told.get('seen'), 2)}"),
        Fact(_("Calibration error"), figure(row.calibration_error, 4)),
        Fact(_("Precision of alerts"), _("%(share)s of %(judged)s judged")
             % {"share": percent(row.precision), "judged": figure(told.get("judged"), 0)}),
    ] if told else []  # fmt: skip
    return Section("labels", _("What labels say by now"), facts=facts, empty=_("Nothing here."))


def volume_section(row: ScorerWatch) -> list[Section]:
    told: Found | None = row.findings.get("volume")
    if told is None:
        return []  # on trial: it raises no alerts
    weeks = "  ·  ".join(figure(one["alerts"], 0) for one in told["weeks"])
    facts = [
        Fact(_("Alerts"), figure(told["alerts"], 0)),
        Fact(_("Usual"), figure(told["usual"], 0)),
        Fact(_("Usual is"), plain(BASES.get(told["basis"])) if told["usual"] is not None else EMPTY),
        Fact(_("Same weekday, last four weeks"), weeks),
        Fact(_("Payments decided"), figure(told["payments"], 0)),
    ]
    return [Section("volume", _("Alert volume"), facts=facts)]


def features_section(row: ScorerWatch) -> Section:
    found: Found = row.findings.get("features") or {}
    baseline = row.scorer.baseline.get("features", {})
    headings = [
        Column(gettext_lazy("feature"), lambda _v, _r: ""),
        Column(gettext_lazy("PSI"), lambda _v, _r: "", end=True),
        Column(gettext_lazy("weight in the scorer"), lambda _v, _r: "", end=True),
        Column(gettext_lazy("missing: training, then now"), lambda _v, _r: "", end=True),
        Column(gettext_lazy("shares: training (pale) and now"), lambda _v, _r: ""),
    ]
    score = row.findings.get("score")
    rows = [_score_row(score, row.scorer.baseline.get("score"))] if score else []
    ordered = sorted(found.items(), key=lambda one: (-(one[1]["psi"] or 0), -one[1]["weight"]))
    rows += [_feature_row(name, told, baseline.get(name)) for name, told in ordered]
    empty = _("Its training kept no distributions, so there is nothing to compare with.")
    section = Section("features", _("Distributions"), headings, rows, empty=empty)
    if found and not row.findings.get("enough"):
        section.note = _("Too few payments to tell a shift from chance: 500 are needed within a week.")
    elif row.findings.get("days", 1) > 1:
        section.note = _("The day had few payments: these are of the week up to it.")
    return section


def _score_row(told: Found, kept: Found | None) -> list[Cell]:
    bars = pair_bars(told, bin_names(kept) if kept else [])
    return [Cell(_("The score"), False), Cell(psi_badge(told["psi"]), True), Cell(EMPTY, True), Cell(EMPTY, True),
            Cell(bars, False)]  # fmt: skip


def _feature_row(name: str, told: Found, kept: Found | None) -> list[Cell]:
    feature = CATALOGUE.get(name)
    whole = feature is not None and feature.kind in ("integer", "boolean")
    sentence = "" if feature is None else feature.fr if french() else feature.en
    title = format_html('{}<div class="kvt-hint"><span class="kvt-code">{}</span></div>', sentence, name)
    missing = f"{percent(told['missing_before'])} · {percent(told['missing'])}"
    bars = pair_bars(told, bin_names(kept, whole=whole) if kept else [])
    return [Cell(title, False), Cell(psi_badge(told["psi"]), True), Cell(percent(told["weight"]), True),
            Cell(missing, True), Cell(bars, False)]  # fmt: skip


def pair_bars(told: Found, names: Sequence[str]) -> SafeString:
    """Two bars a bin. Pale is training, full is now; each says its figures to whoever points at it or hears it."""
    pairs = list(zip(told["shares_before"], told["shares"], strict=False))
    highest = max((share for pair in pairs for share in pair), default=0) or 1
    step = 2 * BAR + GAP
    drawn = format_html_join("", "<g><title>{}</title>{}</g>", (
        (f"{name}: {percent(before)} · {percent(now)}", _bars(n * step, before / highest, now / highest))
        for n, ((before, now), name) in enumerate(zip(pairs, [*names, *[""] * len(pairs)], strict=False))
    ))  # fmt: skip
    label = _("Shares by bin, in training and now")
    return format_html(
        '<svg role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}" fill="currentColor">{}</svg>',
        label, max(len(pairs) * step, 1), HIGH, max(len(pairs) * step, 1), HIGH, drawn,
    )  # fmt: skip


def _bars(left: int, before: float, now: float) -> SafeString:
    """As attributes, not as styles; the first one lets a pointer find a bin that is empty."""
    return format_html(
        '<rect x="{}" y="0" width="{}" height="{}" opacity="0"/>'
        '<rect x="{}" y="{}" width="{}" height="{}" opacity="0.35"/><rect x="{}" y="{}" width="{}" height="{}"/>',
        left, 2 * BAR, HIGH, left, f"{HIGH - before * HIGH:.1f}", BAR, f"{before * HIGH:.1f}",
        left + BAR, f"{HIGH - now * HIGH:.1f}", BAR, f"{now * HIGH:.1f}",
    )  # fmt: skip
