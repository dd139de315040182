"""How a decision's own values are drawn, in lists and on pages alike."""

from __future__ import annotations

from typing import Any, Final

from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from apps.compliance.admin.present import EMPTY, Column, badge, code, moment, own_link, plain
from apps.fraud.engine.features.feature import Value
from apps.fraud.models import Decision
from apps.fraud.selectors.decision_chips import outcome_label
from apps.payments.admin.state_change import of_payment

TONES: Final = {0: "success", 1: "warning", 2: "danger"}
# Of a score, wherever it is shown.
DIGITS: Final = 3
PARTS: Final = {
    "state": gettext_lazy("feature state"),
    "rules": gettext_lazy("rules"),
    "scorer": gettext_lazy("scorer"),
    "lists": gettext_lazy("lists"),
}


def outcome_choices() -> list[tuple[str, str]]:
    return [(str(value), outcome_label(value)) for value in Decision.Outcome.values]


def outcome_badge(outcome: int) -> SafeString:
    return badge(outcome_label(outcome), TONES[outcome])


def degraded_badge(row: Decision) -> Any:
    return badge(_("Degraded"), "warning") if row.degraded else EMPTY


def score_text(score: float | None) -> str:
    """Rounded before it is written: Django cuts the digits of a float off."""
    return EMPTY if score is None else number_format(round(score, DIGITS), DIGITS)


def ruleset_text(number: int | None) -> str:
    return EMPTY if number is None else _("none") if number == 0 else f"#{number}"


def spoken(one: Any) -> str:
    """A reason, a change or a feature in the reader's language."""
    return str(one.fr if french() else one.en)


def french() -> bool:
    return (get_language() or "fr").startswith("fr")


def bar(start: float, end: float) -> SafeString:
    """Where a step of the score stands between 0 and 1; one that lowers the score goes from its start to the left."""
    return format_html(
        '<svg class="kvt-bar" data-tone="{}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect x="{}" y="0" width="{}" height="6"/></svg>',
        "success" if end < start else "",
        f"{100 * min(start, end):.2f}",
        f"{max(0.5, 100 * abs(end - start)):.2f}",
    )


def share_text(start: float, end: float) -> str:
    """The difference of both places as they are shown: what stands in the column adds up to the score shown."""
    share = round(round(end, DIGITS) - round(start, DIGITS), DIGITS)
    return f"−{score_text(-share)}" if share < 0 else score_text(share)


def percent(share: float | None, digits: int = 1) -> str:
    return EMPTY if share is None else _("%(number)s %%") % {"number": number_format(share * 100, digits)}


def value_text(value: Value) -> Any:
    """Of a feature: figures with a few digits, texts as they are stored."""
    if isinstance(value, bool):
        return plain(value)
    if isinstance(value, float):
        digits = 0 if value == int(value) and abs(value) < 1e15 else 4 if abs(value) < 10 else 2
        return number_format(value, digits, force_grouping=True)
    if isinstance(value, int):
        return number_format(value, force_grouping=True)
    return EMPTY if value is None else code(value)


def decision_columns() -> list[Column]:
    return [
        own_link(gettext_lazy("decision")),
        of_payment(),
        Column(gettext_lazy("outcome"), lambda _viewer, row: outcome_badge(row.outcome)),
        Column(gettext_lazy("score"), lambda _viewer, row: score_text(row.score), end=True),
        Column(gettext_lazy("points"), lambda _viewer, row: row.points, end=True),
        Column(gettext_lazy("rule set"), lambda _viewer, row: ruleset_text(row.ruleset_number)),
        Column(gettext_lazy("degraded"), lambda _viewer, row: degraded_badge(row)),
        Column(gettext_lazy("asked by"), lambda _viewer, row: row.source),
        Column(gettext_lazy("decided at"), lambda _viewer, row: moment(row.decided_at)),
    ]


def degraded_parts(parts: tuple[str, ...]) -> str:
    return ", ".join(str(PARTS.get(part, part)) for part in parts)


def milliseconds(microseconds: int) -> str:
    return _("%(number)s ms") % {"number": number_format(microseconds / 1000, 2)}
