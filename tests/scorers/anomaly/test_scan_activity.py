"""Scans of access and of the database: who acts unlike others and unlike themselves is told, with why."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.models import Anomaly, AnomalyKind
from apps.fraud.scorers.anomaly.activity import Act
from apps.fraud.services.anomalies import BUDGETS, Scan
from apps.fraud.services.anomalies_activity import activity_scan
from apps.fraud.services.anomalies_logs import access_scan, database_scan
from apps.fraud.tasks_anomaly import scan_logs
from tests.conftest import make_person
from tests.scorers.anomaly.people import MONDAY, an_act, weeks_of_work

pytestmark = pytest.mark.django_db
NOW = MONDAY + timedelta(days=28, hours=6)
THREE_AT_NIGHT = NOW - timedelta(hours=4)


def scan(tenant: Tenant, acts: Iterable[Act], kind: AnomalyKind = AnomalyKind.ACCESS, now: datetime = NOW) -> Scan:
    return activity_scan(tenant=tenant, kind=kind, acts=acts, now=now)


def names(anomaly: Anomaly) -> set[str]:
    return {one["name"] for one in anomaly.fields}


def raid(person: int = 3, at: datetime = THREE_AT_NIGHT, count: int = 200) -> list[Act]:
    """Everybody's data, in the middle of the night, from somewhere else."""
    return [
        an_act(at + timedelta(seconds=one * 10), person, what=0.0, record=one, network="a café") for one in range(count)
    ]


# --- access -----------------------------------------------------------------------------------------------------------
def test_a_colleague_who_reveals_two_hundred_customers_at_night_is_raised_first(in_tenant: Tenant) -> None:
    found = scan(in_tenant, [*weeks_of_work(range(1, 6)), *raid()]).raised[0]
    assert (found.actor, found.kind) == ("user 3", "access")
    assert found.period_start == THREE_AT_NIGHT.replace(minute=0)
    assert names(found) >= {"reveals", "objects", "new_network", "unusual_hour"}
    assert any("personal data revealed: 200 (" in one["en"] for one in found.fields)
    assert any(one["fr"].startswith("données personnelles révélées\u00a0: 200 (") for one in found.fields)
    assert found.payment_id is None


def test_ordinary_weeks_raise_at_most_a_handful(in_tenant: Tenant) -> None:
    """The last two of the days, a weekend before them: what an ordinary team is bothered with."""
    now = MONDAY + timedelta(days=27, hours=-36)
    assert len(scan(in_tenant, weeks_of_work(range(1, 6)), now=now).raised) <= 1


def test_a_scan_that_is_repeated_raises_nothing_twice(in_tenant: Tenant) -> None:
    acts = [*weeks_of_work(range(1, 6)), *raid()]
    first = scan(in_tenant, acts)
    again = scan(in_tenant, acts, now=NOW + timedelta(hours=1))
    assert first.raised
    assert again.raised == []
    assert again.known == len(first.raised)


def test_many_odd_hours_stay_within_the_days_budget(in_tenant: Tenant) -> None:
    raids = [
        act for person in range(1, 6) for hour in (1, 2, 3) for act in raid(person, NOW - timedelta(hours=hour + 1), 60)
    ]
    done = scan(in_tenant, [*weeks_of_work(range(1, 6)), *raids])
    assert len(done.raised) <= BUDGETS["access"]


def test_an_hour_that_is_not_over_is_left_for_later(in_tenant: Tenant) -> None:
    acts = [*weeks_of_work(range(1, 6)), *raid(at=NOW.replace(minute=5), count=100)]
    now = NOW + timedelta(minutes=30)
    assert "user 3" not in {one.actor for one in scan(in_tenant, acts, now=now).raised}
    assert "user 3" in {one.actor for one in scan(in_tenant, acts, now=now + timedelta(hours=1)).raised}


def test_a_new_team_has_no_norm_and_raises_nothing(in_tenant: Tenant) -> None:
    done = scan(in_tenant, [*weeks_of_work(range(1, 3), days=3, start=NOW - timedelta(days=3)), *raid()])
    assert (done.learned, done.raised) == (None, [])


def entries(tenant: Tenant, person: User, acts: Iterable[Act]) -> None:
    """The acts as the audit trail has them."""
    kind = ContentType.objects.get_for_model(User)
    made = [
        AuditEntry(
            content_type=kind, object_pk=act.object, object_repr="x", actor=person, tenant=tenant,
            action=AuditEntry.Action.ACCESS if "reveals" in act.counts else AuditEntry.Action.UPDATE,
            address_hash=act.network, changes={},
        )
        for act in acts
    ]  # fmt: skip
    for entry, act in zip(made, acts, strict=True):
        entry.timestamp = act.at
    AuditEntry.objects.bulk_create(made)


@pytest.fixture
def trail(in_tenant: Tenant, neighbour: Tenant) -> dict[str, User]:
    """Two people of ours worked for four weeks; one of ours, and an outsider, then raid at night."""
    people = {"analyst": make_person(in_tenant, "analyst"), "lead": make_person(in_tenant, "lead")}
    outsider = make_person(neighbour, "lead")
    for place, person in enumerate(people.values()):
        entries(in_tenant, person, list(weeks_of_work(range(1), seed=place)))
    entries(in_tenant, people["analyst"], raid(count=120))
    entries(neighbour, outsider, raid(count=150))
    return people | {"outsider": outsider}


def test_the_audit_trail_alone_is_enough(in_tenant: Tenant, trail: dict[str, User]) -> None:
    raised = access_scan(tenant=in_tenant, now=NOW).scan.raised
    assert raised[0].actor == f"user {trail['analyst'].pk}"
    assert names(raised[0]) >= {"reveals", "objects"}


def test_another_tenants_people_are_never_seen(in_tenant: Tenant, trail: dict[str, User]) -> None:
    access_scan(tenant=in_tenant, now=NOW)
    assert f"user {trail['outsider'].pk}" not in set(Anomaly.objects.values_list("actor", flat=True))


def test_an_access_log_adds_what_the_trail_does_not_have(
    in_tenant: Tenant, trail: dict[str, User], tmp_path: Path
) -> None:
    tried = [
        {"ts": (THREE_AT_NIGHT + timedelta(seconds=one)).isoformat(), "event": "access", "tenant": in_tenant.slug,
         "actor": f"user {trail['lead'].pk}", "method": "GET", "status": 403, "route": "admin:x", "network": "a café"}
        for one in range(90)
    ]  # fmt: skip
    file = tmp_path / "web.log"
    file.write_text("\n".join([*map(json.dumps, tried), '{"event":"access"', "text"]))
    done = access_scan(tenant=in_tenant, now=NOW, file=file)
    assert (done.lines, done.bad) == (92, 1)
    lead = next(one for one in done.scan.raised if one.actor == f"user {trail['lead'].pk}")
    assert names(lead) >= {"refused", "night"}


# --- database ---------------------------------------------------------------------------------------------------------
def database_lines(*, errors: int = 150) -> Iterator[str]:
    """Four weeks of two roles; in the last night one of them reads much and is refused much."""
    draw = random.Random(5)
    for hour in range(28 * 24):
        at = MONDAY + timedelta(hours=hour)
        for role in ("kivendtout_app", "reporting"):
            for _one in range(draw.randint(1, 4)):
                yield statement(at, role, draw.uniform(250, 900), "SELECT 1")
            if draw.random() < 0.1:
                yield fault(at, role, "deadlock detected")
    for one in range(errors):
        at = THREE_AT_NIGHT + timedelta(seconds=one)
        yield statement(at, "reporting", 4_000, "SELECT * FROM customers_customer")
        yield fault(at, "reporting", "permission denied for table customers_customer")


def statement(at: datetime, role: str, milliseconds: float, text: str) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}.000 UTC [1] {role}@kvt LOG:  duration: {milliseconds:.3f} ms  statement: {text}\n"


def fault(at: datetime, role: str, text: str) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}.000 UTC [1] {role}@kvt ERROR:  {text}\n"


@pytest.fixture
def database_log(tmp_path: Path) -> Path:
    file = tmp_path / "postgres.log"
    file.write_bytes("".join(database_lines()).encode() + b"\xff\xfe nonsense\n")
    return file


def test_a_role_that_suddenly_reads_much_and_is_refused_is_raised(in_tenant: Tenant, database_log: Path) -> None:
    done = database_scan(tenant=in_tenant, now=NOW, file=database_log)
    found = done.scan.raised[0]
    assert (found.actor, found.kind) == ("role reporting", "database")
    assert names(found) >= {"refused", "errors", "reads", "milliseconds"}
    assert done.bad == 1
    assert "customers_customer" not in json.dumps(found.fields)


def test_ordinary_nights_of_the_database_raise_at_most_a_handful(in_tenant: Tenant, tmp_path: Path) -> None:
    file = tmp_path / "postgres.log"
    file.write_text("".join(database_lines(errors=0)))
    assert len(database_scan(tenant=in_tenant, now=NOW, file=file).scan.raised) <= 2


def test_the_command_reads_both_and_prints_one_object(
    in_tenant: Tenant, database_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.fraud.management.commands.scan_logs.now", lambda: NOW)
    out = StringIO()
    call_command("scan_logs", "--database", str(database_log), "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert said["access"]["detector"] is None
    assert said["database"]["bad_lines"] == 1
    assert said["database"]["raised"][0]["actor"] == "role reporting"
    with pytest.raises(CommandError, match="There is no file"):
        call_command("scan_logs", "--access", "nowhere.log")


def test_the_job_reads_the_trail_of_each_tenant_and_the_files_that_settings_name(
    in_tenant: Tenant, trail: dict[str, User], database_log: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DATABASE_LOG_FILE, settings.ACCESS_LOG_FILE = str(database_log), "/nowhere/web.log"
    monkeypatch.setattr("apps.fraud.tasks_anomaly.now", lambda: NOW)
    assert scan_logs() >= 2
    assert set(Anomaly.objects.values_list("kind", flat=True)) == {"access", "database"}
    assert scan_logs() == 0
