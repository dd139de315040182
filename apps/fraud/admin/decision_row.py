"""A stored feature row as people read it: what the rules looked at first, then everything, by what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import Section, Viewer, masked
from apps.fraud.admin.decision_cells import french, value_text
from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.rules.explain import explain
from apps.fraud.engine.what_if import WhatIf

OWNERS: Final = {
    "payment": gettext_lazy("Payment"),
    "place": gettext_lazy("Countries"),
    "customer": gettext_lazy("Customer"),
    "device": gettext_lazy("Device"),
    "card": gettext_lazy("Card"),
    "ip": gettext_lazy("Network address"),
    "merchant": gettext_lazy("Merchant"),
    "session": gettext_lazy("Visit"),
}
# Digits of a card show to those who may reveal, as on the payment's own page.
CARD_FEATURES: Final = frozenset({"card_bin"})


def shown(viewer: Viewer, name: str, value: Value) -> Any:
    return masked(value) if name in CARD_FEATURES and not viewer.reveals else value_text(value)


def feature_section(viewer: Viewer, asked: WhatIf, leaning: frozenset[str] = frozenset()) -> Section:
    """`leaning`: what weighed most for the scorer."""
    groups: dict[str, list[str]] = {}
    for name in asked.index:
        owner = CATALOGUE[name].owner if name in CATALOGUE else ""
        groups.setdefault(owner, []).append(name)
    looked_at = [name for name in asked.index if name in asked.used]
    drawn = [_group(viewer, asked, _("Looked at by the rules that hit"), looked_at, is_open=True)] if looked_at else []
    if weighed := [name for name in asked.index if name in leaning]:
        drawn.append(_group(viewer, asked, _("Weighed most by the scorer"), weighed, is_open=not looked_at))
    drawn += [
        _group(viewer, asked, str(OWNERS.get(owner, owner or _("Others"))), names) for owner, names in groups.items()
    ]
    return Section("features", _("Feature row"), template="admin/fraud/decision/features.html", data={"groups": drawn})


def _group(viewer: Viewer, asked: WhatIf, title: str, names: Iterable[str], *, is_open: bool = False) -> dict[str, Any]:
    rows = [
        {"name": name, "sentence": _sentence(name), "value": shown(viewer, name, asked.get(name))} for name in names
    ]
    return {"title": title, "rows": rows, "open": is_open}


def _sentence(name: str) -> str:
    """Of a feature that the catalogue has dropped since only the name is left."""
    feature = CATALOGUE.get(name)
    return "" if feature is None else feature.fr if french() else feature.en


def conditions_met(viewer: Viewer, asked: WhatIf) -> dict[str, tuple[str, ...]]:
    """By rule that hit, the conditions that made it, with what they met."""
    hit = {one.code for one in asked.inputs.rules}
    found = {}
    for code, expression in asked.expressions.items():
        if code in hit:
            told = explain(expression, asked.row, asked.index, asked.lists)
            found[code] = tuple(_met(viewer, one.text, one.values) for one in told if one.helps)
    return found


def _met(viewer: Viewer, text: str, values: tuple[tuple[str, Value], ...]) -> str:
    """A fact by itself, such as `new_device`, says its value; others are told with what they met."""
    said = ", ".join(f"{name} = {shown_plain(viewer, name, value)}" for name, value in values if name != text)
    return f"{text} ({said})" if said else text


def shown_plain(viewer: Viewer, name: str, value: Value) -> str:
    if name in CARD_FEATURES and not viewer.reveals:
        return "••••"
    return str(value) if isinstance(value, str) else str(value_text(value))
