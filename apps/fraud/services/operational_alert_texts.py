"""What an operational alert says: a sentence of its kind, filled with its figures, in the language in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, gettext_noop
from msgspec import ValidationError, convert

from apps.fraud.models import OperationalAlert
from kivendtout.lib.errors import KvtError

Kind = OperationalAlert.Kind
Facts = Mapping[str, Any]
# Features named in a sentence; the page of the day names all of them.
NAMED: Final = 3

SENTENCES: Final[dict[str, str]] = {
    Kind.SCORER_FAILED: gettext_noop(
        "Scorer %(scorer)s does not answer%(detail)s. Rules decide alone, and each decision says so. Go back to the "
        "scorer before, or train a new one; the log has the cause."
    ),
    Kind.SCORER_SLOW: gettext_noop(
        "Scorer %(scorer)s takes too long%(detail)s. It is left alone for some seconds each time, and rules decide. "
        "Look at the machine's load; go back to a smaller scorer if it lasts."
    ),
    Kind.DRIFT: gettext_noop(
        "On %(day)s payments were not those that scorer %(scorer)s learned from: PSI of the score %(score_psi)s, "
        "limit %(limit)s. Most changed: %(features)s. Find out what has changed, and train a new scorer."
    ),
    Kind.DECAY: gettext_noop(
        "Scorer %(scorer)s has lost accuracy: AUC %(auc)s on %(labelled)s labelled payments, %(auc_training)s when it "
        "was trained, limit %(limit)s. Train a new one; go back if the one before did better."
    ),
    Kind.VOLUME: gettext_noop(
        "On %(day)s there were %(alerts)s alerts, where %(usual)s are usual on this day of the week. "
        "Find out whether it is an attack; if not, raise the threshold or go back."
    ),
    Kind.CALIBRATION: gettext_noop(
        "Probabilities of scorer %(scorer)s are off: it expected %(expected)s %% of fraud where %(seen)s %% came, on "
        "%(labelled)s labelled payments. Train a new one."
    ),
    Kind.RETRAINED: gettext_noop(
        "Scorer #%(number)s was trained and waits for you: AUC %(auc)s on the held-out period, %(auc_champion)s for "
        "the scorer that decides, on the same payments. Nothing changes until two people promote it."
    ),
    Kind.TRAINING_FAILED: gettext_noop("A new scorer could not be trained: %(reason)s"),
}


# Where there was nothing to hold it against.
ALONE: Final = gettext_noop(
    "Scorer #%(number)s was trained and waits for you: AUC %(auc)s on the held-out period. Nothing changes until two "
    "people promote it."
)


def operational_alert_sentence(alert: OperationalAlert) -> str:
    scorer = str(alert.scorer) if alert.scorer_id else "–"
    return sentence_of(alert.kind, alert.facts, scorer) or alert.get_kind_display()


def sentence_of(kind: str, told: object, scorer: str) -> str:
    """With the figures that are there: facts of an earlier version may lack one, and the alert must still be read."""
    facts: Facts = told if isinstance(told, dict) else {}
    values = {name: _told(facts, name) for name in _DIGITS}
    values |= {
        "number": str(facts.get("number", "–")),
        "scorer": scorer,
        "detail": f" ({facts['detail']})" if facts.get("detail") else "",
        "day": _day(facts),
        "features": _features(facts),
        "reason": _reason(facts),
    }
    sentence = ALONE if kind == Kind.RETRAINED and facts.get("auc_champion") is None else SENTENCES.get(kind, "")
    return gettext(sentence) % values if sentence else ""


# How many decimals each figure has.
_DIGITS: Final = {
    "score_psi": 2, "limit": 2, "auc": 3, "auc_training": 3, "auc_champion": 3, "labelled": 0, "alerts": 0, "usual": 0,
    "expected": 2, "seen": 2,
}  # fmt: skip


def _told(facts: Facts, name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, int | float):
        return "–"
    # Shares are kept as shares, and read as percentages.
    shown = value * 100 if name in ("expected", "seen") else value
    return number_format(round(shown, _DIGITS[name]), _DIGITS[name], force_grouping=True)


def _reason(facts: Facts) -> str:
    """A sentence of an error, kept in English with its details, and read in the reader's language."""
    details = facts.get("details")
    sentence = str(facts.get("reason", "–"))
    try:
        return KvtError(sentence, **(details if isinstance(details, dict) else {})).translated
    except (KeyError, TypeError, ValueError):
        return sentence


def _day(facts: Facts) -> str:
    try:
        return date_format(convert(facts.get("day"), date), "j F Y")
    except ValidationError:
        return "–"


def _features(facts: Facts) -> str:
    found = facts.get("features")
    named = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return ", ".join(f"{one.get('name')} ({number_format(one.get('psi', 0), 2)})" for one in named[:NAMED]) or "–"
