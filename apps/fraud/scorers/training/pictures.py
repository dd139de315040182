"""The report drawn: small SVG files that read on light and dark pages, in French and English.

No style elements or attributes, no scripts, no fonts of their own: they pass the strictest content policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext, gettext_noop, override

from apps.fraud.scorers.training.svg import FRAUD, GREY, SCORE, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LANGUAGES: Final = ("fr", "en")
MOST_FEATURES: Final = 12
ROOM: Final = {"importances": 0.36, "reliability": 0.1}
"""Where what stands beside the axis is longer than a share: names of features, a thousandth."""
Draw = Callable[[Mapping[str, Any], "Axes"], None]


def pictures(report: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """By name and language. The same report gives the same bytes."""
    made = {}
    for language in LANGUAGES:
        with override(language):
            for name, (draw, title) in DRAWN.items():
                made[name, language] = drawn(
                    partial(draw, report), title=gettext(title), salt=f"{name}-{language}", room=ROOM.get(name, 0.08)
                )
    return made


def reliability(report: Mapping[str, Any], axes: Axes) -> None:
    bins = [one for one in report["reliability"]["bins"] if one["said"] > 0]
    low = min([0.001, *(one["said"] for one in bins)])
    axes.plot([low, 1], [low, 1], color=GREY, linewidth=1, linestyle=(0, (3, 3)))
    axes.plot(
        [one["said"] for one in bins], [max(one["came"], low / 2) for one in bins],
        color=SCORE, linewidth=1.5, marker="o", markersize=4,
    )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlim=(low, 1.1), ylim=(low / 2, 1.3))
    axes.set_xlabel(gettext("probability said"))
    axes.set_title(gettext("share of frauds that came"), loc="left")


def roc(report: Mapping[str, Any], axes: Axes) -> None:
    points = [one for one in report["roc_curve"] if one["fpr"] > 0]
    axes.plot([one["fpr"] for one in points], [one["recall"] for one in points], color=SCORE, linewidth=1.5)
    for told in report["against"]["rules"].values():
        where = [one for one in told["at"] if one["fpr"]]
        axes.plot(
            [one["fpr"] for one in where], [one["recall"] for one in where],
            color=GREY, linewidth=1, marker="o", markersize=4,
        )  # fmt: skip
    axes.set(xscale="log", xlim=(0.001, 1), ylim=(0, 1.02))
    axes.set_xlabel(gettext("share of good payments stopped (log); grey: the rule sets"))
    axes.set_title(gettext("share of frauds caught"), loc="left")


def precision(report: Mapping[str, Any], axes: Axes) -> None:
    points = report["precision_curve"]
    axes.plot([one["recall"] for one in points], [one["precision"] for one in points], color=SCORE, linewidth=1.5)
    share = report["frauds"] / max(report["payments"], 1)
    axes.plot([0, 1], [share, share], color=GREY, linewidth=1, linestyle=(0, (3, 3)))
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set_xlabel(gettext("share of frauds caught"))
    axes.set_title(gettext("share of frauds among those stopped"), loc="left")


def money(report: Mapping[str, Any], axes: Axes) -> None:
    points = report["money"]
    axes.plot([one["touched"] for one in points], [one["euros"] for one in points], color=SCORE, linewidth=1.5)
    axes.plot(
        [one["touched"] for one in points], [one["frauds"] for one in points],
        color=FRAUD, linewidth=1, linestyle=(0, (4, 2)),
    )  # fmt: skip
    axes.set(xscale="log", xlim=(0.001, 1), ylim=(0, 1.02))
    axes.set_xlabel(gettext("share of payments looked at (log)"))
    axes.set_title(gettext("share of fraud caught: euros (blue), payments (dashed)"), loc="left")


def scores(report: Mapping[str, Any], axes: Axes) -> None:
    bins = report["reliability"]["bins"]
    places = range(len(bins))
    good = sum(one["payments"] - one["frauds"] for one in bins)
    frauds = sum(one["frauds"] for one in bins)
    shares = [(one["payments"] - one["frauds"]) / max(good, 1) for one in bins]
    axes.bar([n - 0.2 for n in places], shares, width=0.38, color=SCORE)
    axes.bar([n + 0.2 for n in places], [one["frauds"] / max(frauds, 1) for one in bins], width=0.38, color=FRAUD)
    axes.set_xticks(list(places), [f"{one['from']:g}" for one in bins])
    axes.set_xlabel(gettext("probability said, from"))
    axes.set_title(gettext("share of good payments (blue), of frauds (red)"), loc="left")


def importances(report: Mapping[str, Any], axes: Axes) -> None:
    first = report["importances"][:MOST_FEATURES][::-1]
    axes.barh(range(len(first)), [one["shap"] for one in first], color=SCORE, height=0.6)
    axes.set_yticks(range(len(first)), [one["name"] for one in first])
    axes.set_xlabel(gettext("mean step in log-odds"))


DRAWN: Final[dict[str, tuple[Draw, str]]] = {
    "reliability": (reliability, gettext_noop("What was said, and what came")),
    "roc": (roc, gettext_noop("Frauds caught by good payments stopped")),
    "precision": (precision, gettext_noop("Precision and recall")),
    "money": (money, gettext_noop("Fraud caught by payments looked at")),
    "scores": (scores, gettext_noop("How scores are spread")),
    "importances": (importances, gettext_noop("What the scorer leans on")),
}
