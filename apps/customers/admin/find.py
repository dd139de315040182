"""Search by e-mail or phone without writing either into an address, a browser's history or a server's log."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from apps.customers.selectors.search import customer_numbers, is_personal

LONGEST_TERM = 254  # an e-mail address can be no longer


class FindMixin:
    """Adds `find/`, to which the search form is posted: it answers with the list, searched by customer number."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.find_view)  # type: ignore[attr-defined]
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [path("find/", view, name=f"{self._list_place}_find"), *urls]

    @property
    def _list_place(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"  # type: ignore[attr-defined]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        find_url = reverse(f"admin:{self._list_place}_find")
        return super().changelist_view(request, {"find_url": find_url, **(extra_context or {})})  # type: ignore[misc]

    def find_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        term = request.POST.get("q", "").strip()[:LONGEST_TERM]
        query = QueryDict(mutable=True)
        for name in set(request.POST) - {"q", "csrfmiddlewaretoken", "p"}:
            query.setlist(name, request.POST.getlist(name))
        if is_personal(term):
            numbers = customer_numbers(term)
            if not numbers:
                messages.warning(request, _("No customer has this e-mail address or phone number."))
            term = ",".join(numbers)
        if term:
            query["q"] = term
        address = reverse(f"admin:{self._list_place}_changelist")
        return HttpResponseRedirect(f"{address}?{query.urlencode()}" if query else address)
