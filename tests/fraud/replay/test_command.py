"""`manage.py replay_decision`: what it prints, and when it succeeds."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.compliance.models import Tenant
from apps.fraud.models import Decision
from tests.fraud.replay.conftest import Decides, publish

pytestmark = pytest.mark.django_db


def run(*args: Any) -> tuple[dict[str, Any], int]:
    out, status = StringIO(), 0
    try:
        call_command("replay_decision", *args, "--json", stdout=out)
    except SystemExit as ended:
        status = int(ended.code or 0)
    return json.loads(out.getvalue()), status


@pytest.fixture
def altered(decides: Decides) -> Decision:
    """By somebody who owns the database: the trigger stops everybody else."""
    decision = decides()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # nothing may wait while the table changes
        cursor.execute("ALTER TABLE fraud_decision DISABLE TRIGGER kvt_decisions_stay")
        cursor.execute("UPDATE fraud_decision SET points = 99 WHERE payment_id = %s", [decision.pk])
        cursor.execute("ALTER TABLE fraud_decision ENABLE TRIGGER kvt_decisions_stay")
    return decision


def test_a_decision_is_named_by_its_number(in_tenant: Tenant, decides: Decides) -> None:
    publish(in_tenant, ("amount_eur > 10", 40))
    decision = decides(payment_id="PAY77")
    told, status = run(f"dec_{decision.pk}")
    assert status == 0
    assert told == {
        "payment_id": "PAY77", "decision_id": f"dec_{decision.pk}", "identical": True, "differences": [],
    }  # fmt: skip


def test_a_decision_is_named_by_its_payment_and_tenant(tenant: Tenant, decides: Decides) -> None:
    decides(payment_id="PAY78")
    assert run("PAY78", "--tenant", tenant.slug)[0]["identical"] is True
    with pytest.raises(CommandError, match="--tenant"):
        call_command("replay_decision", "PAY78")


def test_another_tenants_payment_is_not_found(neighbour: Tenant, decides: Decides) -> None:
    decides(payment_id="PAY79")
    with pytest.raises(CommandError, match="There is no decision"):
        call_command("replay_decision", "PAY79", "--tenant", neighbour.slug)


def test_a_decision_that_was_altered_fails_and_says_how(altered: Decision) -> None:
    told, status = run(f"dec_{altered.pk}")
    assert status == 1
    assert told["differences"] == [{"part": "points", "stored": "99", "computed": "0"}]


def test_all_of_them_or_a_sample_are_replayed_at_once(tenant: Tenant, decides: Decides) -> None:
    for _ in range(5):
        decides()
    told, status = run("--all", "--tenant", tenant.slug)
    assert (told["decisions"], told["identical"], status) == (5, True, 0)
    assert run("--all", "--sample", 3, "--tenant", tenant.slug)[0]["decisions"] == 3


def test_one_altered_among_many_fails_them_all_and_is_named(
    tenant: Tenant, decides: Decides, altered: Decision
) -> None:
    decides()
    told, status = run("--all", "--tenant", tenant.slug)
    assert (told["decisions"], told["differing"], status) == (2, 1, 1)
    assert told["examples"][0]["decision_id"] == f"dec_{altered.pk}"


def test_people_read_it_line_by_line(altered: Decision) -> None:
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("replay_decision", f"dec_{altered.pk}", stdout=out)
    assert out.getvalue().splitlines() == [
        f"dec_{altered.pk}: identical false", "  points", "    stored   99", "    computed 0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "args", [[], ["dec_1", "--all"], ["dec_1", "--sample", "3"], ["--all", "--sample", "0"], ["dec_999999999"],
             ["dec_1", "--tenant", "nobody"], ["--all"]]
)  # fmt: skip
def test_what_cannot_be_done_is_refused(args: list[str], db: None) -> None:
    with pytest.raises(CommandError):
        call_command("replay_decision", *args)
