"""The pages on which an operating point is chosen: to propose a scorer, and to move what decides a little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.compliance.admin.present import Viewer
from apps.fraud.admin.scorer_actions import Stage, person
from apps.fraud.admin.scorer_cells import threshold
from apps.fraud.admin.scorer_forms import PointForm
from apps.fraud.admin.scorer_statement import statement_section
from apps.fraud.models import ActiveScorer, Scorer
from apps.fraud.scorers.trained import Operating
from apps.fraud.selectors.scorers import described, operating_now, point_of, point_told, scorer_active
from apps.fraud.services.scorer_promotion import statement_of
from apps.fraud.services.scorer_return import bounds
from apps.fraud.services.scorer_stages import operating_set, scorer_propose
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError

# A page is waited for: some two seconds of deciding again, and a sample that says how large it was.
SHOWN_ROWS: Final = 10_000
Save = Callable[[PointForm, dict[str, Any]], HttpResponse]


class ScorerPointPages:
    """Of the admin class of scorers."""

    scorer: Callable[..., Scorer]
    back: Callable[[Scorer], str]
    done: Callable[..., HttpResponse]
    page: Callable[..., HttpResponse]

    def propose_view(self, request: HttpRequest, scorer_id: int) -> HttpResponse:
        scorer = self.scorer(request, scorer_id)
        champion = scorer.stage == Stage.CHAMPION
        point = (operating_now(scorer_active()) if champion else None) or point_of(scorer.operating)

        def save(form: PointForm, statement: dict[str, Any]) -> HttpResponse:
            note = form.cleaned_data["note"]
            change = scorer_propose(
                scorer=scorer, operating=form.point, actor=person(request), now=now(), note=note, statement=statement
            )
            url = reverse("admin:fraud_scorerchange_change", args=[change.pk])
            return self.done(request, _("The proposal waits for a second person."), url)

        notes = [
            _("A second person approves it. Both answer for it."),
            _("The thresholds are those chosen for it by cost; change them if you have a reason."),
        ]
        title = _("Propose other thresholds") if champion else _("Propose for production")
        return self._point_page(request, scorer, point, save, title=title, submit=_("Propose it"), notes=notes)

    def thresholds_page(self, request: HttpRequest) -> HttpResponse:
        active = scorer_active()
        point = operating_now(active)
        listing = reverse("admin:fraud_scorer_changelist")
        if active is None or active.scorer is None or point is None:
            messages.warning(request, _("No scorer decides, so it has no thresholds."))
            return HttpResponseRedirect(listing)

        def save(form: PointForm, statement: dict[str, Any]) -> HttpResponse:
            who, note = person(request), form.cleaned_data["note"]
            operating_set(
                tenant=who.tenant, operating=form.point, actor=who, now=now(), note=note, statement=statement
            )  # fmt: skip
            return self.done(request, _("The thresholds are in force."), listing)

        notes = [
            _("Higher thresholds make fewer alerts and let more fraud pass; lower ones the reverse."),
            _("Alone you move them so far: %(spans)s. What lies beyond, or another weight, is proposed to two people.")
            % {"spans": _spans(active)},
        ]
        title, submit = _("Thresholds"), _("Put in force")
        return self._point_page(
            request, active.scorer, point, save, title=title, submit=submit, notes=notes, fixed=True
        )

    def _point_page(
        self,
        request: HttpRequest,
        scorer: Scorer,
        point: Operating,
        save: Save,
        *,
        title: str,
        submit: str,
        notes: list[str],
        fixed: bool = False,
    ) -> HttpResponse:
        """Asked twice: first it is shown what would change, and the same values sent again do it."""
        posted = request.method == "POST"
        form = PointForm(request.POST if posted else None, initial=point_told(point))
        form.fields["weight"].disabled = fixed  # its own value is then taken, whatever is sent
        # With what decides now: when that changes meanwhile, what was shown is no longer true, and is shown anew.
        section, about = None, f"{fixed}:{scorer.pk}:{described(scorer_active())}"
        if posted and form.is_valid():
            try:
                statement = form.seen(about)
                if statement is not None:
                    return save(form, statement)
                statement = statement_of(scorer=scorer, operating=form.point, now=now(), limit=SHOWN_ROWS)
                section = statement_section(Viewer(request), statement)
                form.show(about, statement)
            except KvtError as error:
                form.add_error(None, error.translated)
        context = {
            "form": form,
            "submit_label": submit if section is not None else _("Show what will change"),
            "back_url": self.back(scorer),
            "notes": notes,
            "page_icon": "tune" if fixed else "how_to_vote",
            "section": section,
        }
        return self.page(request, "admin/fraud/scorers/point.html", title, scorer, context)


def _spans(active: ActiveScorer) -> str:
    names = {"challenge": _("Ask for proof from"), "deny": _("Decline from"), "alone_deny": _("Decline alone from")}
    return "; ".join(
        _("%(name)s: %(least)s to %(most)s") % {"name": names[name], "least": threshold(least), "most": threshold(most)}
        for name, (least, most) in bounds(active).items()
    )
