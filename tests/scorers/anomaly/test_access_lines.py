"""What the web writes of a request, and that detectors can read it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory

from apps.compliance.access_log import AccessLogMiddleware
from apps.compliance.models import Tenant, User
from apps.fraud.scorers.anomaly.access_log import AccessLog
from kivendtout.lib.log import bind_tenant
from tests.conftest import make_person

pytestmark = pytest.mark.django_db
KEY = "kvt_live_Ab12Cd34_" + "x" * 43


class Match:
    def __init__(self, name: str, **kwargs: Any) -> None:
        self.view_name, self.args, self.kwargs = name, (), kwargs


def told(
    capsys: pytest.CaptureFixture[str],
    path: str,
    user: Any = None,
    *,
    status: int = 200,
    match: Any = None,
    **meta: str,
) -> list[str]:
    request = RequestFactory().get(path, **meta)  # type: ignore[arg-type]  # headers
    request.user, request.resolver_match = user or AnonymousUser(), match
    if isinstance(user, User):
        bind_tenant(user.tenant.slug)
    AccessLogMiddleware(lambda _request: HttpResponse(status=status))(request)
    said = capsys.readouterr()
    return [line for line in (said.out + said.err).splitlines() if '"access"' in line]


def test_a_line_names_nobody_and_no_address(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    person = make_person(tenant, "analyst")
    match = Match("admin:customers_customer_change", object_id="4242")
    [line] = told(capsys, "/admin/customers/customer/4242/change/", person, match=match, REMOTE_ADDR="192.0.2.9")
    said = json.loads(line)
    assert said["actor"] == f"user {person.pk}"
    assert said["tenant"] == "kivendtout"
    assert said["route"] == "admin:customers_customer_change"
    for secret in ("192.0.2.9", "4242", person.email):
        assert secret not in line


def test_the_detector_reads_what_the_web_writes(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    person = make_person(tenant, "analyst")
    lines = told(capsys, "/admin/x/", person, status=403, match=Match("admin:x", object_id="1"))
    log = AccessLog("kivendtout", unnamed=False)
    [act] = log.acts(lines)
    assert act.actor == f"user {person.pk}"
    assert set(act.counts) == {"acts", "requests", "refused"}
    assert log.bad == 0


def test_a_program_goes_by_the_beginning_of_its_key(capsys: pytest.CaptureFixture[str], db: None) -> None:
    [line] = told(capsys, "/api/v1/score", HTTP_AUTHORIZATION=f"Bearer {KEY}", status=401)
    assert json.loads(line)["actor"] == "key kvt_live_Ab12Cd34"
    assert KEY not in line


def test_a_stranger_goes_by_the_hash_of_an_address(capsys: pytest.CaptureFixture[str], db: None) -> None:
    [line] = told(capsys, "/accounts/login/", REMOTE_ADDR="192.0.2.9")
    assert AccessLog("kivendtout", unnamed=False)._read(line) is not None
    assert json.loads(line)["actor"].startswith("address ")


def test_probes_and_files_are_left_out(capsys: pytest.CaptureFixture[str], db: None) -> None:
    assert told(capsys, "/healthz") == told(capsys, "/static/site.css") == []
