"""Lines of the access log: ours are counted, others passed over, broken ones counted as such."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.fraud.scorers.anomaly.access_log import AccessLog
from apps.fraud.scorers.anomaly.activity import Act


def line(**fields: Any) -> str:
    told = {
        "ts": "2025-11-03T09:00:00.000Z", "level": "info", "event": "access", "tenant": "kivendtout", "actor": "user 7",
        "method": "GET", "status": 200, "route": "admin:customers_customer_change", "object": "ab12", "network": "cd34",
    }  # fmt: skip
    return json.dumps(told | fields)


def read(*lines: str, unnamed: bool = False) -> tuple[AccessLog, list[Act]]:
    log = AccessLog("kivendtout", unnamed=unnamed)
    return log, list(log.acts(lines))


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        ({}, set()),
        ({"status": 403}, {"refused"}),
        ({"status": 404}, {"refused"}),
        ({"status": 500}, {"errors"}),
        ({"method": "POST", "status": 302}, {"changes"}),
        ({"method": "POST", "status": 403}, {"refused"}),
        ({"route": "fraud:list_export"}, {"exports"}),
        ({"route": "login", "method": "POST", "sign_in_failed": True}, {"sign_ins_failed"}),
    ],
)
def test_a_line_counts_for_what_it_says(fields: dict[str, Any], counted: set[str]) -> None:
    _log, [act] = read(line(**fields))
    assert set(act.counts) == {"acts", "requests"} | counted
    assert (act.actor, act.object, act.network) == ("user 7", "ab12", "cd34")


def test_other_tenants_lines_are_never_looked_at() -> None:
    log, acts = read(line(tenant="voisin"), line())
    assert len(acts) == 1
    assert log.others == 1


def test_lines_of_no_tenant_belong_to_whoever_runs_the_installation() -> None:
    failed = line(tenant=None, actor="address 00ff00ff00ff00ff", sign_in_failed=True)
    assert read(failed)[1] == []
    [act] = read(failed, unnamed=True)[1]
    assert act.actor == "address 00ff00ff00ff00ff"


@pytest.mark.parametrize(
    "bad",
    [
        '{"event":"access"',
        '{"event":"access","ts":"never"}',
        line(status="ok"),
        line(ts="2025-11-03T09:00:00"),  # of which zone, nobody knows
        line(actor="jeanne@kivendtout.example"),
        line(actor="user 7; DROP TABLE"),
        '{"event":"access",' + '"a":[' * 5_000,
    ],
)
def test_a_bad_line_is_counted_and_does_no_harm(bad: str) -> None:
    log, acts = read(bad, line())
    assert (log.bad, len(acts)) == (1, 1)


def test_other_events_and_other_text_are_passed_over() -> None:
    log, acts = read('{"event":"payment scored"}', "Traceback (most recent call last):", "", line())
    assert (log.lines, log.bad, len(acts)) == (4, 0, 1)
