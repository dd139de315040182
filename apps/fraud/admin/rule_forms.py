"""What a rule's form asks, and how its content goes to the services and comes back."""

from __future__ import annotations

from typing import Any

import msgspec
from django import forms
from django.core.validators import RegexValidator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.fraud.engine.rule_text import RuleText, Sentence, Validity
from apps.fraud.engine.rules import RuleSyntaxError
from apps.fraud.models import RuleVersion
from apps.fraud.models.rule import CODE, MOST_POINTS
from apps.fraud.services.rule_moves import content_check
from kivendtout.lib.errors import KvtError
from kivendtout.lib.tenancy import require_tenant_id

# Signs shown on either side of the fault: a long expression would push it out of sight.
AROUND = 60


def moment_field(label: Any, help_text: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, help_text=help_text, required=False, widget=widget)


class VersionForm(forms.Form):
    """Knows the rule's code; the form for a new rule asks it too."""

    code = ""
    expression = forms.CharField(
        label=gettext_lazy("Expression"),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "kvt-code"}),
        help_text=gettext_lazy(
            "A condition over the features of the catalogue, such as: new_device AND amount_eur > 100"
        ),
    )
    parameters = forms.JSONField(
        label=gettext_lazy("Parameters"),
        required=False,
        initial=dict,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=gettext_lazy('Values of the :names in the expression, as JSON: {"limit": 100}'),
    )
    points = forms.IntegerField(
        label=gettext_lazy("Points"),
        required=False,
        min_value=0,
        max_value=MOST_POINTS,
        help_text=gettext_lazy("What a hit adds, 0 to 100. Leave it empty for a hard action."),
    )
    action = forms.ChoiceField(
        label=gettext_lazy("Hard action"),
        required=False,
        choices=[("", "—"), *RuleVersion.Action.choices],
        help_text=gettext_lazy("What a hit demands, whatever the score. Leave it empty for points."),
    )
    severity = forms.ChoiceField(label=gettext_lazy("Severity"), choices=RuleVersion.Severity.choices, initial="MEDIUM")
    sentence_fr = forms.CharField(label=gettext_lazy("Sentence in French"), max_length=300)
    sentence_en = forms.CharField(label=gettext_lazy("Sentence in English"), max_length=300)
    owner = forms.CharField(
        label=gettext_lazy("Owner"), max_length=254, help_text=gettext_lazy("The person or team who answers for it.")
    )
    tags = forms.CharField(
        label=gettext_lazy("Tags"), required=False, help_text=gettext_lazy("Words with commas between them.")
    )
    valid_from = moment_field(gettext_lazy("Valid from"), gettext_lazy("By the time of the payment; empty: always."))
    valid_until = moment_field(
        gettext_lazy("Valid until"), gettext_lazy("By the time of the payment; empty: for ever.")
    )
    note = forms.CharField(
        label=gettext_lazy("Why"), max_length=300, help_text=gettext_lazy("Kept with the version. Tell what it is for.")
    )

    def __init__(self, *args: Any, code: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.code = code
        self.content: RuleText | None = None

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        if self.errors:
            return told
        try:
            self.content = msgspec.convert(msgspec.to_builtins(self._content(told)), RuleText)
            content_check(content=self.content, tenant_id=require_tenant_id())
        except RuleSyntaxError as error:
            self.add_error("expression", marked(error, told["expression"]))
        except KvtError as error:
            self.add_error(None, error.translated)
        except (msgspec.ValidationError, TypeError) as error:
            self.add_error(None, _("The rule cannot be saved: %(problem)s.") % {"problem": error})
        return told

    def _content(self, told: dict[str, Any]) -> RuleText:
        return RuleText(
            code=told.get("code") or self.code,
            expression=told["expression"].replace("\r\n", "\n"),
            points=told["points"],
            action=told["action"],
            severity=told["severity"],
            owner=told["owner"],
            tags=tuple(tag.strip() for tag in told["tags"].split(",") if tag.strip()),
            sentence=Sentence(told["sentence_fr"], told["sentence_en"]),
            parameters=told["parameters"] or {},
            validity=Validity(told["valid_from"], told["valid_until"]),
        )


class NewRuleForm(VersionForm):
    code = forms.CharField(  # type: ignore[assignment]  # the field of this form, the text of the other
        label=gettext_lazy("Code"),
        max_length=64,
        validators=[
            RegexValidator(CODE, gettext_lazy("Use capital letters, digits and underscores, such as NEW_DEVICE."))
        ],
        help_text=gettext_lazy("Capital letters, digits and underscores, such as NEW_DEVICE. It stays."),
    )
    field_order = ("code",)


class ConfirmForm(forms.Form):
    """Nothing to fill in: the page says what will happen."""


class ReturnForm(forms.Form):
    note = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=300,
        help_text=gettext_lazy("Kept with the version and in the audit trail."),
    )


def initial_of(version: RuleVersion) -> dict[str, Any]:
    names = ("expression", "parameters", "points", "action", "severity", "sentence_fr", "sentence_en", "owner")
    values = {name: getattr(version, name) for name in names}
    dates = {"valid_from": version.valid_from, "valid_until": version.valid_until}
    return {**values, **dates, "tags": ", ".join(version.tags)}


def marked(error: RuleSyntaxError, text: str) -> SafeString:
    """The sentence, then the expression around the fault with the fault marked."""
    text = text.replace("\r\n", "\n")
    start = min(error.position, len(text))
    end = min(start + max(error.length, 1), len(text))
    before, after = text[max(0, start - AROUND) : start], text[end : end + AROUND]
    return format_html(
        '{}<br><code class="kvt-code">{}{}<mark>{}</mark>{}{}</code>',
        error.translated,
        "…" if start > AROUND else "",
        before,
        text[start:end] or "␣",
        after,
        "…" if end + AROUND < len(text) else "",
    )
