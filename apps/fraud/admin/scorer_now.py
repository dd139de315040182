"""What decides now, above the list of scorers: and what a person may do about it at once."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.compliance.admin.present import Button, Viewer
from apps.fraud.admin.scorer_cells import figure, percent
from apps.fraud.models import ActiveScorer
from apps.fraud.selectors.scorers import change_open, change_to_undo, scorer_active
from apps.fraud.services.scorer_stages import PROMOTE


def now_card(viewer: Viewer) -> dict[str, Any]:
    active, waiting = scorer_active(), change_open()
    told: dict[str, Any] = {"sentence": sentence(active), "buttons": now_buttons(viewer, active)}
    if active is not None and active.shadows:
        numbers = ", ".join(f"#{number}" for number in active.shadows)
        told["on_trial"] = _("On trial, without effect: %(numbers)s.") % {"numbers": numbers}
    if waiting is not None:
        told["waiting"] = _("Scorer %(scorer)s, proposed by %(who)s, waits for a second person.") % {
            "scorer": waiting.scorer,
            "who": waiting.asked_by,
        }
        told["waiting_url"] = viewer.url(waiting)
    return told


def sentence(active: ActiveScorer | None) -> str:
    if active is None or active.scorer is None:
        return _("The rules decide alone.")
    return _(
        "Scorer %(scorer)s decides with the rules: it weighs %(weight)s, asks for proof from %(challenge)s and "
        "declines from %(deny)s."
    ) % {
        "scorer": active.scorer,
        "weight": percent(active.weight, 0),
        "challenge": figure(active.challenge),
        "deny": figure(active.deny),
    }


def now_buttons(viewer: Viewer, active: ActiveScorer | None) -> list[Button]:
    if not viewer.user.has_perm(PROMOTE):
        return []
    found = []
    if change_to_undo() is not None:
        found.append(Button(_("Go back"), now_url("go-back"), "undo"))
    if active is not None and active.scorer_id is not None:
        found.append(Button(_("Thresholds"), now_url("thresholds"), "tune"))
        found.append(Button(_("Rules alone"), now_url("stand-down"), "rule"))
    return found


def now_url(action: str) -> str:
    return reverse("admin:fraud_scorer_now", args=[action])
