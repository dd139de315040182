"""What is said of an expression that cannot be read: where, what is wrong, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from kivendtout.lib.errors import KvtError


def gettext_noop(text: str) -> str:
    """Marks a sentence for the translators, as Django's does; the engine imports no Django."""
    return text


class RuleSyntaxError(KvtError):
    """`position` counts characters from 0, `length` is how many are wrong; sentences count from 1, as people do."""

    code = "invalid_rule"
    status = 400
    message = gettext_noop("The expression cannot be read. Correct it and save it again.")

    def __init__(self, message: str, position: int, length: int = 1, **details: object) -> None:
        self.position = position
        self.length = length
        super().__init__(message, at=position + 1, **details)


UNKNOWN: Final = {
    "feature": gettext_noop("There is no feature '%(name)s' (character %(at)d). Take one from the catalogue."),
    "function": gettext_noop("There is no function '%(name)s' (character %(at)d). Take one from the rule reference."),
    "list": gettext_noop("There is no list '%(name)s' (character %(at)d). Create it first, or correct its name."),
    "parameter": gettext_noop("There is no parameter ':%(name)s' (character %(at)d). Give it a value beside the rule."),
}
NEAR: Final = {
    "feature": gettext_noop("There is no feature '%(name)s' (character %(at)d). Did you mean '%(near)s'?"),
    "function": gettext_noop("There is no function '%(name)s' (character %(at)d). Did you mean '%(near)s'?"),
    "list": gettext_noop("There is no list '%(name)s' (character %(at)d). Did you mean '%(near)s'?"),
    "parameter": gettext_noop("There is no parameter ':%(name)s' (character %(at)d). Did you mean ':%(near)s'?"),
}

EMPTY: Final = gettext_noop("The expression is empty. Write a condition, for example: amount > 100")
TOO_LONG: Final = gettext_noop("The expression has more than %(limit)d characters. Split it into several rules.")
TOO_DEEP: Final = gettext_noop(
    "The expression nests more than %(limit)d deep at character %(at)d. Split it into several rules."
)
TOO_MANY_NODES: Final = gettext_noop("The expression has more than %(limit)d parts. Split it into several rules.")
TOO_MANY_ITEMS: Final = gettext_noop(
    "IN at character %(at)d has more than %(limit)d values. Make a list of them, and write: IN list('its_name')"
)
TOO_MANY_BRANCHES: Final = gettext_noop(
    "CASE at character %(at)d has more than %(limit)d WHEN. Split it into several rules."
)
NUL: Final = gettext_noop("Character %(at)d cannot stand in an expression (NUL or half of a pair). Delete it.")
COMMENT: Final = gettext_noop("A comment begins at character %(at)d. Comments have no place here; delete it.")
CHARACTER: Final = gettext_noop("The sign %(sign)s at character %(at)d has no meaning here. Delete it.")
DOUBLE_QUOTE: Final = gettext_noop(
    "Text goes between single quotes: 'like this'. Replace the double quote at character %(at)d."
)
UNTERMINATED: Final = gettext_noop("The text that begins at character %(at)d has no closing quote. Add one.")
BAD_NUMBER: Final = gettext_noop("'%(text)s' at character %(at)d is not a number. Write it like 12 or 0.5 or 1e6.")
BIG_INTEGER: Final = gettext_noop(
    "The integer at character %(at)d is beyond 9007199254740992. Larger ones are not exact; use a text or a list."
)
BIG_NUMBER: Final = gettext_noop("The number at character %(at)d is too large. The largest is about 1.8e308.")
OPEN: Final = gettext_noop("The parenthesis at character %(at)d is never closed. Add the closing one.")
CLOSE: Final = gettext_noop("Nothing was opened for the parenthesis at character %(at)d. Delete it.")
NO_END: Final = gettext_noop("CASE at character %(at)d has no END. Add it.")
UNREADABLE: Final = gettext_noop(
    "The expression stops making sense at character %(at)d, near '%(text)s'. Look for a missing operator or value."
)
REFUSED: Final = gettext_noop(
    "What stands at character %(at)d is not part of the rule language. Write it with the operators of the reference."
)
CHAINED: Final = gettext_noop(
    "Comparisons do not chain (character %(at)d). Join two of them with AND, or add parentheses."
)
WRONG_TYPE: Final = gettext_noop(
    "%(expected)s is needed at character %(at)d, and this is %(found)s. Compare or combine values of one type."
)
DIFFERENT: Final = gettext_noop(
    "%(left)s and %(right)s cannot be used together (character %(at)d). Types are never converted; change one side."
)
NULL_HERE: Final = gettext_noop("NULL is never equal to anything (character %(at)d). Write IS NULL or IS NOT NULL.")
NO_VALUE: Final = gettext_noop("Every result is NULL at character %(at)d, so this has no type. Give it one real value.")
BOOLEAN_ORDER: Final = gettext_noop("TRUE and FALSE have no order (character %(at)d). Compare them with = or <>.")
IS_WHAT: Final = gettext_noop("IS at character %(at)d goes only with NULL or NOT NULL. Use = to compare values.")
IN_WHAT: Final = gettext_noop("IN needs values in parentheses, or list('name') (character %(at)d). Write it so.")
LITERAL: Final = gettext_noop("A plain value is needed at character %(at)d. Write a number, a text or a :parameter.")
LIST_TEXT: Final = gettext_noop("IN list(…) looks up texts, and character %(at)d is not one. Use a text feature.")
LIST_FORM: Final = gettext_noop(
    "list needs one name of 1 to %(limit)d signs in quotes (character %(at)d): list('name')"
)
ARITY: Final = gettext_noop(
    "%(name)s takes %(takes)s argument(s), and has %(given)d at character %(at)d. Correct them."
)
DIGITS: Final = gettext_noop("ROUND takes a whole number of digits from -%(limit)d to %(limit)d (character %(at)d).")
PATTERN_LONG: Final = gettext_noop("The pattern at character %(at)d has more than %(limit)d characters. Shorten it.")
WILDCARDS: Final = gettext_noop("The pattern at character %(at)d has more than %(limit)d wildcards. Use fewer.")
CASE_IN_CASE: Final = gettext_noop(
    "The value after CASE holds another CASE (character %(at)d). Write conditions after each WHEN instead."
)
PARAMETER_VALUE: Final = gettext_noop(
    "The parameter '%(name)s' cannot be used. Give it a plain name and a number, a short text, true or false."
)
TOO_MANY_PARAMETERS: Final = gettext_noop("There are more than %(limit)d parameters. Keep those that the rule uses.")


def unknown(kind: str, name: str, known: Iterable[str], position: int, length: int) -> RuleSyntaxError:
    shown = name[:80]  # a long name would make difflib slow and the sentence unreadable
    lower = {other.lower(): other for other in sorted(known)}
    near = get_close_matches(shown.lower(), list(lower), n=1)
    if near:
        return RuleSyntaxError(NEAR[kind], position, length, name=shown, near=lower[near[0]])
    return RuleSyntaxError(UNKNOWN[kind], position, length, name=shown)
