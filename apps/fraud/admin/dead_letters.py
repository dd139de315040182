"""Dead letters: those of the person's own tenant, read from their topics; a page each, sent again or discarded there.

Letters that name no tenant are the operator's, who has `manage.py dlq`; a superuser sees them here too.
"""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from apps.compliance.admin.present import Fact, Record, Section, Viewer
from apps.customers.admin.reveal import ReasonForm
from apps.customers.services.reveal import PERMISSION as REVEAL
from apps.fraud.admin.dead_letter_parts import (
    Choices,
    buttons,
    letter_facts,
    list_sections,
    outline,
    payload_text,
    waits,
)
from apps.fraud.admin.list_pages import PagesAdmin
from apps.fraud.models import DeadLetter
from apps.fraud.selectors.dead_letters import dead_letters_handled
from apps.fraud.services.dead_letters import (
    LONGEST_REASON,
    Acted,
    Actor,
    dead_letter_seen,
    dead_letters_discard,
    dead_letters_retry,
)
from apps.fraud.services.letter import Letter, place_of
from apps.fraud.services.letters import letters_reader, letters_sender
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError, NotFound
from kivendtout.lib.kafka import KafkaUnavailable
from kivendtout.lib.tenancy import require_tenant_id

CHANGE: Final = "fraud.change_deadletter"
# Of each topic a page reads this many letters, the newest: it must not take longer than a page may.
MOST_READ: Final = 2_000
TEMPLATE: Final = "admin/fraud/dead_letters/list.html"


class ActForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2, "autofocus": True}),
        help_text=gettext_lazy("It is kept with your name."),
    )


@admin.register(DeadLetter)
class DeadLetterAdmin(PagesAdmin):
    record_icon = "unsubscribe"
    record_facts = (
        "place", "source", "code", "state", "reason", "by", "claimed_at", "done_at", "retried_to", "trace_id",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows if request.user.is_superuser else rows.filter(tenant_id=require_tenant_id())

    def get_urls(self) -> list[URLPattern]:
        pages = {"letter": self.letter_view, "retry": self.act_view, "discard": self.act_view, "reveal": self.look_view}
        return [
            path(
                f"letter/<str:place>/{act}/", self.admin_site.admin_view(view), {"act": act}, f"fraud_deadletter_{act}"
            )
            for act, view in pages.items()
        ] + super().get_urls()

    # --- the list -----------------------------------------------------------------------------------------------------
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        choices, viewer = Choices.of(request), Viewer(request)
        context: dict[str, Any] = {"choices": choices.levels(), "sections": [], "note": ""}
        try:
            with letters_reader() as reader:
                letters = [one for one in reader.read(choices.topics(), most=MOST_READ) if _may_see(request, one)]
            rows = dead_letters_handled([one.mark for one in letters])
            context["sections"] = list_sections(viewer, choices, [(one, rows.get(one.mark)) for one in letters])
            context["skipped"] = reader.skipped
        except KafkaUnavailable:
            context["note"] = _("Kafka does not answer, and dead letters are kept there. Try again shortly.")
        return self.page(request, TEMPLATE, _("Dead letters"), None, context)

    # --- one letter ---------------------------------------------------------------------------------------------------
    def letter_view(self, request: HttpRequest, place: str, act: str) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET"])
        letter, row = self._letter(request, place)
        if letter is None:
            return self._back(request)
        viewer = Viewer(request)
        record = Record(
            title=str(letter.place),
            kind=str(self.opts.verbose_name),
            icon=self.record_icon,
            facts=letter_facts(viewer, letter, row),
            sections=[Section("payload", _("Message, its values masked"), facts=outline(letter))],
            buttons=buttons(viewer, letter, row, acts=request.user.has_perm(CHANGE)),
        )
        return self.render_record(request, _titled(letter, row), record, template="admin/kvt/record.html")

    def act_view(self, request: HttpRequest, place: str, act: str) -> HttpResponse:
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        letter, row = self._letter(request, place)
        if letter is None:
            return self._back(request)
        back = reverse("admin:fraud_deadletter_letter", args=[place])
        if not waits(row):
            messages.info(request, _("Somebody has handled this message already."))
            return HttpResponseRedirect(back)
        form = ActForm(request.POST if request.method == "POST" else None)

        def save(told: dict[str, Any]) -> HttpResponse:
            if text := _do(act, letter, Actor(request.user.email, request.user), told["reason"]):  # type: ignore[union-attr,arg-type]
                messages.warning(request, text)
            else:
                done = _("The message was sent again.") if act == "retry" else _("The message was discarded.")
                messages.success(request, done)
            return HttpResponseRedirect(back)

        again = act == "retry"
        title = _("Send the message again?") if again else _("Discard the message?")
        note = (
            _("It goes to the topic it came from, as it was. If it cannot be used then either, it comes back here.")
            if again
            else _("Nothing more is done about it. It stays readable here until its topic forgets it.")
        )
        submit = _("Send again") if again else _("Discard")
        return self.form_page(
            request, form, save, title=title, submit=submit, back_url=back, obj=_titled(letter, row), note=note,
            icon="replay" if again else "delete",
        )  # fmt: skip

    @sensitive_variables()
    def look_view(self, request: HttpRequest, place: str, act: str) -> HttpResponse:
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        if not request.user.has_perm(REVEAL):
            raise PermissionDenied
        letter, row = self._letter(request, place)
        if letter is None:
            return self._back(request)
        form, facts = ReasonForm(request.POST if request.method == "POST" else None), None
        if form.is_valid():
            actor = Actor(request.user.email, request.user)  # type: ignore[union-attr,arg-type]
            dead_letter_seen(letter=letter, actor=actor, reason=form.cleaned_data["reason"])
            facts = [Fact(_("Message"), payload_text(letter))]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": _("Reveal personal data"),
            "object": _titled(letter, row),
            "names": _("the whole message"),
            "form": form,
            "facts": facts,
            "back_url": reverse("admin:fraud_deadletter_letter", args=[place]),
        }
        response = TemplateResponse(request, "admin/kvt/reveal.html", context)
        add_never_cache_headers(response)
        response.headers["Cache-Control"] = "no-store, private, max-age=0"
        return response

    def _letter(self, request: HttpRequest, place: str) -> tuple[Letter | None, DeadLetter | None]:
        """Nothing, and a message, where there is none that this person may see."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            with letters_reader() as reader:
                letter = next((one for one in reader.find(place_of(place)) if _may_see(request, one)), None)
            if letter is None:
                raise NotFound
        except KafkaUnavailable:
            messages.error(request, _("Kafka does not answer, and dead letters are kept there. Try again shortly."))
            return None, None
        except KvtError:
            messages.warning(request, _("There is no such dead letter: its topic may have forgotten it."))
            return None, None
        return letter, dead_letters_handled([letter.mark]).get(letter.mark)

    def _back(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:fraud_deadletter_changelist"))


def _titled(letter: Letter, row: DeadLetter | None) -> DeadLetter:
    """What the site's templates call the object: the letter's row, or one that is not stored."""
    return row or DeadLetter(place=str(letter.place))


def _may_see(request: HttpRequest, letter: Letter) -> bool:
    user = request.user
    return user.is_superuser or letter.tenant == user.tenant.slug  # type: ignore[union-attr]


def _do(act: str, letter: Letter, actor: Actor, reason: str) -> str:
    """What stood in the way, as a sentence; empty when it was done."""
    if act == "retry":
        with letters_sender() as send:
            acted = dead_letters_retry(letters=[letter], actor=actor, now=now, send=send, reason=reason)
    else:
        acted = dead_letters_discard(letters=[letter], actor=actor, now=now, reason=reason)
    return _obstacle(acted)


def _obstacle(acted: Acted) -> str:
    if acted.left:
        return _("Kafka did not take the message. Nothing is lost: send it again once Kafka is back.")
    return acted.refused[0][1].translated if acted.refused else ""
