"""What every address of the API does around its own work: method, key, scope, tenant, refusals as problem+json."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from apps.compliance.api_auth import authenticate
from apps.fraud.api.errors import MethodNotAllowed, problem_answer
from kivendtout.lib.deadline import answer_within
from kivendtout.lib.errors import KvtError, ServiceUnavailable
from kivendtout.lib.log import bind_tenant
from kivendtout.lib.tenancy import tenant_scope

Work = Callable[..., HttpResponse]
WRONG_USE = 500
# A read or a check takes milliseconds; who has waited this long is better served by "try again".
SECONDS: Final = 2.0

log = structlog.get_logger(__name__)


def endpoint(*methods: str, scope: str, within: float = SECONDS) -> Callable[[Work], Work]:
    """`within`: the seconds after which the caller hears 503 instead of waiting for a PostgreSQL that hangs."""

    def decorate(work: Work) -> Work:
        def answer(request: HttpRequest, named: dict[str, str]) -> HttpResponse:
            try:
                if request.method not in methods:
                    raise MethodNotAllowed(allowed=methods[0])
                credential = authenticate(request.META)
                bind_tenant(credential.tenant)
                credential.require(scope)
                with tenant_scope(credential.tenant_id):
                    return work(request, credential, **named)
            except KvtError as error:
                if error.status == WRONG_USE:
                    raise  # a fault of ours: it reaches the log, and the caller as an unforeseen error
                return problem_answer(error)
            except (OperationalError, InterfaceError) as error:
                log.warning("api_database_away", error=type(error.__cause__ or error).__name__)
                connection.close()
                return problem_answer(ServiceUnavailable())

        @csrf_exempt  # a key is no cookie: no other site can make a browser send it
        @wraps(work)
        def view(request: HttpRequest, **named: str) -> HttpResponse:
            with answer_within(within):
                response = answer(request, named)
            response.headers["Content-Length"] = str(len(response.content))
            return response

        return view

    return decorate


def json_answer(body: bytes, *, replayed: bool = False) -> HttpResponse:
    response = HttpResponse(body, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response
