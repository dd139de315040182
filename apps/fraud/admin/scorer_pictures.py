"""A figure of the report, in the reader's language and on the theme's ground."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import get_language

from apps.fraud.models import ScorerPicture
from apps.fraud.scorers.training.svg import GREY

# Text as dark, or as light, as the page's own soft text: 4.5 to 1 on its ground.
INK: Final = {"light": "#5b6b68", "dark": "#9fb0ac"}
# Drawn once and never changed.
SECONDS: Final = 24 * 3600


def picture_response(request: HttpRequest, drawn: QuerySet[ScorerPicture]) -> HttpResponse:
    language = "fr" if (get_language() or "fr").startswith("fr") else "en"
    found = {one.language: one.svg for one in drawn}
    svg = found.get(language) or next(iter(found.values()), None)
    if svg is None:
        raise Http404
    theme = "dark" if request.GET.get("theme") == "dark" else "light"
    answer = HttpResponse(svg.replace(GREY, INK[theme]), content_type="image/svg+xml")
    # Opened by itself it is a document: it may load nothing and run nothing.
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = f"private, max-age={SECONDS}"
    answer["Vary"] = "Cookie, Accept-Language"
    return answer
