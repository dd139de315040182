"""How scorers and what is measured of them are written: badges, figures in the reader's way, what each figure means."""

from __future__ import annotations

from typing import Any, Final

from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import EMPTY, Viewer, badge, link
from apps.fraud.models import Scorer, ScorerChange

STAGE_TONES: Final = {"candidate": "neutral", "shadow": "info", "champion": "success", "archived": "neutral"}
STATE_TONES: Final = {"open": "warning", "done": "success", "refused": "danger", "withdrawn": "neutral"}
# In the order in which they are told: how well it ranks, what that catches, whether its probabilities hold.
MEANINGS: Final = {
    "auc": (
        gettext_lazy("Area under the ROC curve"),
        gettext_lazy("How often a fraud scores higher than a genuine payment, both drawn at random. Chance is 0.5."),
    ),
    "average_precision": (
        gettext_lazy("Average precision"),
        gettext_lazy("How many frauds are among the payments looked at, averaged over all frauds found."),
    ),
    "recall_at_1": (
        gettext_lazy("Frauds caught at 1%"),
        gettext_lazy("When one genuine payment in a hundred is touched."),
    ),
    "recall_at_2": (
        gettext_lazy("Frauds caught at 2%"),
        gettext_lazy("When two genuine payments in a hundred are touched."),
    ),
    "recall_at_5": (
        gettext_lazy("Frauds caught at 5%"),
        gettext_lazy("When five genuine payments in a hundred are touched."),
    ),
    "card_precision_100": (
        gettext_lazy("Precision of the daily hundred"),
        gettext_lazy("Of the hundred customers with the highest scores each day, how many were compromised."),
    ),
    "brier": (
        gettext_lazy("Brier score"),
        gettext_lazy("Mean squared distance between the probability said and what came. 0 is perfect."),
    ),
    "log_loss": (
        gettext_lazy("Logarithmic loss"),
        gettext_lazy("The same, harder on probabilities that are sure and wrong. 0 is perfect."),
    ),
}
SHARES: Final = frozenset({"recall_at_1", "recall_at_2", "recall_at_5", "card_precision_100"})


def stage_badge(scorer: Scorer) -> Any:
    return badge(scorer.get_stage_display(), STAGE_TONES[scorer.stage])


def state_badge(change: ScorerChange) -> Any:
    return badge(change.get_state_display(), STATE_TONES[change.state])


def rounded(value: float, digits: int) -> str:
    """Django's own function cuts digits off: 0.9907 would be shown as 0.990."""
    return number_format(round(value, digits), digits, force_grouping=True)


def figure(value: Any, digits: int = 3) -> str:
    return EMPTY if not isinstance(value, (int, float)) else rounded(value, digits)


def count(value: Any) -> str:
    return figure(value, 0)


def daily(value: Any) -> str:
    """A day: whole numbers where they are large, a tenth where they are small."""
    return EMPTY if not isinstance(value, (int, float)) else rounded(value, 0 if value >= 20 or not value else 1)


def percent(value: Any, digits: int = 1) -> str:
    if not isinstance(value, (int, float)):
        return EMPTY
    return _("%(share)s%%") % {"share": rounded(100 * value, digits)}


def euros(value: Any) -> str:
    if not isinstance(value, (int, float)):
        return EMPTY
    return _("%(amount)s €") % {"amount": rounded(value, 0)}


def threshold(value: Any) -> str:
    return (
        EMPTY
        if not isinstance(value, (int, float))
        else number_format(round(value, 4 if value >= 0.01 else 6), 6).rstrip("0").rstrip(".,")
    )


def signed(value: float, digits: int = 0) -> str:
    sign = "+" if value >= 0 else "\u2212"
    return f"{sign}{rounded(abs(value), digits)}"


def measure(name: str, value: Any) -> str:
    return percent(value) if name in SHARES else figure(value)


def days(begins: Any, ends: Any) -> Any:
    return format_html("{} → {}", date_format(begins, "j N Y"), date_format(ends, "j N Y"))


def who(person: Any) -> str:
    return str(person or _("The product"))


def decides(told: dict[str, Any]) -> Any:
    """What decides, from a change's `before` or `after`."""
    if "stage" in told:
        return Scorer.Stage(told["stage"]).label
    if told.get("scorer") is None:
        return _("The rules alone")
    return _("#%(number)s, asks from %(challenge)s, declines from %(deny)s") % {
        "number": told["scorer"],
        "challenge": threshold(told["challenge"]),
        "deny": threshold(told["deny"]),
    }


def change_link(viewer: Viewer, change: ScorerChange) -> Any:
    return link(viewer.url(change), change.get_kind_display())
