"""What can be done with a scorer and with what decides: whom it is offered, what the page says before it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import Button, Viewer
from apps.compliance.models import User
from apps.fraud.admin.scorer_forms import ConfirmForm
from apps.fraud.admin.scorer_now import now_buttons
from apps.fraud.models import Scorer
from apps.fraud.selectors.scorers import change_open, scorer_active
from apps.fraud.services.scorer_stages import PROPOSE, scorer_archive, scorer_shadow, scorer_unshadow
from kivendtout.lib.clock import now

Stage = Scorer.Stage


@dataclass(frozen=True)
class Action:
    label: str | Promise
    icon: str
    note: str | Promise
    done: str | Promise
    run: Callable[..., Any]
    stages: tuple[str, ...]


ACTIONS: Final[dict[str, Action]] = {
    "shadow": Action(
        gettext_lazy("Put on trial"),
        "visibility",
        gettext_lazy(
            "It scores live payments beside what decides, and changes no decision. At most three are on trial."
        ),
        gettext_lazy("The scorer is on trial."),
        scorer_shadow,
        (Stage.CANDIDATE, Stage.ARCHIVED),
    ),
    "unshadow": Action(
        gettext_lazy("Take off trial"),
        "visibility_off",
        gettext_lazy("It scores no live payments any more. What it said of them stays for six months."),
        gettext_lazy("The scorer is a candidate again."),
        scorer_unshadow,
        (Stage.SHADOW,),
    ),
    "archive": Action(
        gettext_lazy("Archive"),
        "archive",
        gettext_lazy("Out of the way. Its decisions can still be explained and replayed, and it can be tried again."),
        gettext_lazy("The scorer is archived."),
        scorer_archive,
        (Stage.CANDIDATE, Stage.SHADOW),
    ),
}


def action_url(scorer: Scorer, action: str) -> str:
    return reverse("admin:fraud_scorer_act", args=[scorer.pk, action])


def person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin site lets nobody else in
    return request.user


class ScorerActions:
    """Of the admin class of scorers: the moves that decide nothing. Services check everything once more."""

    scorer: Callable[..., Scorer]
    back: Callable[[Scorer], str]
    form_page: Callable[..., HttpResponse]

    def action_buttons(self, viewer: Viewer, scorer: Scorer) -> list[Button]:
        """Those that the services would accept from this person."""
        found = []
        if viewer.user.has_perm(PROPOSE):
            if scorer.stage != Stage.ARCHIVED and change_open() is None:
                url = reverse("admin:fraud_scorer_propose", args=[scorer.pk])
                champion = scorer.stage == Stage.CHAMPION
                label = _("Propose other thresholds") if champion else _("Propose for production")
                found.append(Button(label, url, "how_to_vote", primary=not champion))
            found += [
                Button(str(one.label), action_url(scorer, name), one.icon)
                for name, one in ACTIONS.items()
                if scorer.stage in one.stages
            ]
        if scorer.stage == Stage.CHAMPION:
            found = now_buttons(viewer, scorer_active()) + found
        return found

    def done(self, request: HttpRequest, text: Any, url: str) -> HttpResponse:
        messages.success(request, text)
        return HttpResponseRedirect(url)

    def act_view(self, request: HttpRequest, scorer_id: int, action: str) -> HttpResponse:
        scorer = self.scorer(request, scorer_id)
        if action not in ACTIONS:
            raise Http404
        chosen = ACTIONS[action]

        def save(_told: dict[str, Any]) -> HttpResponse:
            chosen.run(scorer=scorer, actor=person(request), now=now())
            return self.done(request, chosen.done, self.back(scorer))

        form = ConfirmForm(request.POST if request.method == "POST" else None)
        return self.form_page(
            request, form, save, title=chosen.label, submit=chosen.label, back_url=self.back(scorer), obj=scorer,
            icon=chosen.icon, note=chosen.note,
        )  # fmt: skip
