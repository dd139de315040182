from __future__ import annotations

import pytest
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from kivendtout.lib.errors import Conflict, InvalidInput, KvtError, NotFound, ServiceUnavailable


def view_that_raises(error: Exception) -> APIView:
    class Raising(APIView):
        authentication_classes = ()
        permission_classes = ()

        def get(self, request: Request) -> None:
            raise error

    return Raising.as_view()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFound(), 404, "not_found"),
        (InvalidInput("The amount is not a number."), 400, "invalid_input"),
        (Conflict(), 409, "conflict"),
        (ServiceUnavailable(), 503, "service_unavailable"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.PermissionDenied(), 403, "not_allowed"),
        (exceptions.ParseError(), 400, "malformed"),
        (exceptions.Throttled(wait=7), 429, "too_many_requests"),
    ],
)
def test_each_named_error_becomes_problem_json(error: Exception, status: int, code: str) -> None:
    response = view_that_raises(error)(APIRequestFactory().get("/api/v1/x"))
    response.render()
    assert (response.status_code, response.data["code"]) in {(status, code), (403 if status == 401 else status, code)}
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.data["detail"].endswith(".")


def test_throttling_says_when_to_come_back() -> None:
    response = view_that_raises(exceptions.Throttled(wait=7))(APIRequestFactory().get("/api/v1/x"))
    assert response.headers["Retry-After"] == "7"


def test_an_error_that_nobody_named_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        view_that_raises(ZeroDivisionError())(APIRequestFactory().get("/api/v1/x"))


def test_each_error_of_the_project_has_its_own_code_and_a_full_sentence() -> None:
    def below(root: type[KvtError]) -> list[type[KvtError]]:
        return [root, *(found for child in root.__subclasses__() for found in below(child))]

    for error in below(KvtError):
        assert error.message.strip().endswith((".", ")")), error
        assert error.code.isidentifier(), error
