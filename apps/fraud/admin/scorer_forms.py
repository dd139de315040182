"""What the pages about scorers ask: an operating point, and why."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core import signing
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.fraud.scorers.trained import Operating

SALT: Final = "fraud.scorer.statement"
# Long enough to read a page and ask a colleague; what is approved should not rest on last month.
SHOWN_SECONDS: Final = 1800


class ConfirmForm(forms.Form):
    """Nothing to fill in: the page says what will happen."""


class NoteForm(forms.Form):
    note = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Kept with the change and in the audit trail."),
    )


def _share(label: Any, help_text: Any) -> forms.FloatField:
    return forms.FloatField(
        label=label, help_text=help_text, min_value=0, max_value=1,
        widget=forms.NumberInput(attrs={"step": "any", "min": "0", "max": "1", "inputmode": "decimal"}),
    )  # fmt: skip


class PointForm(NoteForm):
    """First the statement is shown, then the same values are sent again: nobody asks for what they never saw."""

    challenge = _share(gettext_lazy("Ask for proof from"), gettext_lazy("Combined score, between 0 and 1."))
    deny = _share(gettext_lazy("Decline from"), gettext_lazy("Combined score; no lower than the one above."))
    weight = _share(
        gettext_lazy("Weight of the scorer"),
        gettext_lazy("1: the scorer alone. 0.5: as much as the rules' points. Lists and hard rules stand above both."),
    )
    alone_deny = _share(
        gettext_lazy("Decline alone from"), gettext_lazy("The scorer's own probability, while the rules are down.")
    )
    shown = forms.CharField(widget=forms.HiddenInput, required=False)
    field_order = ("challenge", "deny", "weight", "alone_deny", "note", "shown")

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        if not self.errors and told["challenge"] > told["deny"]:
            self.add_error("deny", _("Declining begins no lower than asking. Raise this one, or lower the other."))
        return told

    @property
    def point(self) -> Operating:
        told = self.cleaned_data
        return Operating(**{name: told[name] for name in ("challenge", "deny", "weight", "alone_deny")})

    def seen(self, about: str) -> dict[str, Any] | None:
        """The statement that was shown for exactly these values, lately; None when it must be shown first."""
        try:
            told = signing.loads(self.cleaned_data.get("shown") or "", salt=SALT, max_age=SHOWN_SECONDS)
        except signing.BadSignature:
            return None
        statement: dict[str, Any] = told["statement"]
        return statement if told["of"] == _of(about, self.point) else None

    def show(self, about: str, statement: dict[str, Any]) -> None:
        sealed = signing.dumps({"of": _of(about, self.point), "statement": statement}, salt=SALT, compress=True)
        self.data = {**self.data.dict(), "shown": sealed}  # type: ignore[attr-defined]  # what a browser sent


def _of(about: str, point: Operating) -> list[Any]:
    return [about, point.challenge, point.deny, point.weight, point.alone_deny]
