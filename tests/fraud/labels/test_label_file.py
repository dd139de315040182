"""A file of verdicts: looked at line by line, recorded once, and the same again when it comes back."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.models import FraudLabel, LabelVersion
from apps.fraud.selectors.label_history import labels_as_known
from apps.fraud.services import label_import
from apps.fraud.services.label_csv import InvalidLabelFile
from apps.fraud.services.label_import import LabelPlan, fault_sentence, label_import_apply, label_import_read
from kivendtout.lib.errors import NotAllowed
from tests.factories import NOON, make_customer, make_payment
from tests.fraud.outages.servers import RedisServer

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("outages")]
NOW = NOON + timedelta(days=30)
GOOD = "2025-12-05T10:00:00Z"


@pytest.fixture
def payments(in_tenant: Tenant, own_redis: RedisServer) -> list[str]:
    customer = make_customer(in_tenant)
    return [make_payment(in_tenant, customer=customer, external_id=f"P{n}").reference.external_id for n in range(4)]


def read(tenant: Tenant, *lines: str, source: str | None = "chargeback") -> LabelPlan:
    return label_import_read(tenant=tenant, lines=[f"{line}\n" for line in lines], now=NOW, source=source)


def stored() -> list[tuple[Any, ...]]:
    columns = ("payment__external_id", "source", "is_fraud", "pattern", "known_at")
    return list(FraudLabel.objects.order_by("payment__external_id", "source").values_list(*columns))


def test_a_look_changes_nothing_and_tells_what_would_happen(in_tenant: Tenant, payments: list[str]) -> None:
    first = read(in_tenant, "payment_id,is_fraud,known_at", f"P0,true,{GOOD}", f"P1,false,{GOOD}")
    assert first.counts == {"new": 2, "turned": 0, "kind": 0, "repeated": 0, "rejected": 0}
    assert stored() == []
    label_import_apply(tenant=in_tenant, plan=first, now=NOW)
    lines = (f"P0,true,{GOOD},", "P0,false,2025-12-09T10:00:00Z,", f"P2,true,{GOOD},takeover", f"P9,true,{GOOD},")
    second = read(in_tenant, "payment_id,is_fraud,known_at,pattern", *lines, "P1,false,2025-12-09T10:00:00Z,refund")
    assert second.counts == {"new": 1, "turned": 1, "kind": 1, "repeated": 1, "rejected": 1}


def test_the_first_line_may_be_anybodys(in_tenant: Tenant, payments: list[str]) -> None:
    for heading, line in (
        ("\ufeffPayment ID;Is Fraud;Known at", f"P0;YES;{GOOD}"),
        ("transaction-id\tcomment\tFRAUDE\tconnu le", f"P0\tx\toui\t{GOOD}"),
        ('"known_at","payment_id","verdict"', f'"{GOOD}","P0","fraud"'),
    ):
        plan = read(in_tenant, heading, line)
        assert [(one.event.payment_id, one.event.is_fraud) for one in plan.reads] == [("P0", True)], heading
        assert not plan.faults
    assert read(in_tenant, "payment_id,is_fraud,known_at,Till No", f"P0,1,{GOOD},7").ignored == ["till_no"]


@pytest.mark.parametrize("heading", ["", "payment_id,is_fraud", "payment_id,is_fraud,fraud,known_at", 'payment_id,"x'])
def test_a_first_line_that_names_too_little_refuses_the_file(in_tenant: Tenant, heading: str) -> None:
    with pytest.raises(InvalidLabelFile, match="payment_id, is_fraud and known_at"):
        read(in_tenant, heading, f"P0,true,{GOOD}")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f",true,{GOOD},,", "no_payment"),
        (f"P0,maybe,{GOOD},,", "verdict"),
        (f"P0,,{GOOD},,", "verdict"),
        ("P0,true,,,", "date"),
        ("P0,true,05/12/2025,,", "date"),
        ("P0,true,2025-12-05T10:00:00,,", "date"),  # without a zone
        ("P0,true,2025-02-30,,", "date"),
        ("P0,true,1999-12-05,,", "date"),
        ("P0,true,2026-06-01,,", "ahead"),
        (f"P0,true,{GOOD},bank,", "source"),
        (f"P0,true,{GOOD},,{'x' * 33}", "pattern_long"),
        (f"{'x' * 65},true,{GOOD},,", "text"),
        (f"4111111111111111,true,{GOOD},,", "text"),
        (f"P\x000,true,{GOOD},,", "text"),
        (f'P0,true,{GOOD},,"x', "quotes"),
        (f"P0,true,{GOOD}", "cells"),
        (f"P0,true,{GOOD},,,", "cells"),
        (f"P0,true,{GOOD},,{'x' * 3_000}", "line_long"),
        (f"P9,true,{GOOD},,", "unknown_payment"),
        ("P0,true,2025-11-01,,", "before_payment"),
    ],
)
def test_a_bad_line_is_told_by_its_number_and_costs_no_other(
    in_tenant: Tenant, payments: list[str], line: str, code: str
) -> None:
    plan = read(in_tenant, "payment_id,is_fraud,known_at,source,pattern", f"P1,true,{GOOD},,", line, f"P2,0,{GOOD},,")
    assert [(one.line, one.code) for one in plan.faults] == [(3, code)]
    assert fault_sentence(plan.faults[0]).endswith(".")
    assert "4111" not in fault_sentence(plan.faults[0])
    assert len(plan.reads) == 2


def test_a_line_needs_a_source_of_its_own_or_the_files(in_tenant: Tenant, payments: list[str]) -> None:
    lines = ("payment_id,is_fraud,known_at,source", f"P0,true,{GOOD},analyst", f"P1,true,{GOOD},")
    assert [one.event.source for one in read(in_tenant, *lines).reads] == ["analyst", "chargeback"]
    assert [one.code for one in read(in_tenant, *lines, source=None).faults] == ["source"]


def test_a_date_counts_to_its_end_where_the_organisation_is(in_tenant: Tenant, payments: list[str]) -> None:
    """A training must not know of a fraud earlier than anybody did."""
    heading = "payment_id,is_fraud,known_at"
    [one] = read(in_tenant, heading, "P0,true,2025-12-05").reads
    assert one.event.known_at.isoformat() == "2025-12-05T23:00:00+00:00"
    [today] = read(in_tenant, heading, f"P0,true,{NOW:%Y-%m-%d}").reads
    assert today.event.known_at == NOW


def test_a_file_imported_twice_leaves_what_one_import_leaves(in_tenant: Tenant, payments: list[str]) -> None:
    lines = ("payment_id,is_fraud,known_at", f"P0,true,{GOOD}", "P0,false,2025-12-08T10:00:00Z", f"P1,true,{GOOD}")
    done = label_import_apply(tenant=in_tenant, plan=read(in_tenant, *lines), now=NOW)
    assert (done.new, done.changed, done.repeated, done.rejected) == (2, 0, 1, 0)
    once, versions = stored(), LabelVersion.objects.count()
    again = label_import_apply(tenant=in_tenant, plan=read(in_tenant, *lines), now=NOW)
    assert (again.new, again.changed, again.repeated) == (0, 0, 3)
    assert (stored(), LabelVersion.objects.count()) == (once, versions)
    then = labels_as_known(in_tenant.pk, known_on=NOON + timedelta(days=5))
    assert [one[:3] for one in then] == [("P0", "chargeback", True), ("P1", "chargeback", True)]  # before it turned


def test_only_who_may_imports_and_the_audit_trail_names_them(
    in_tenant: Tenant, payments: list[str], cast: dict[str, User], outsider: User
) -> None:
    plan = read(in_tenant, "payment_id,is_fraud,known_at", f"P0,true,{GOOD}")
    for person in (cast["analyst"], cast["read_only"], cast["compliance_officer"], outsider):
        with pytest.raises(NotAllowed):
            label_import_apply(tenant=in_tenant, plan=plan, now=NOW, actor=person)
    assert stored() == []
    label_import_apply(tenant=in_tenant, plan=plan, now=NOW, actor=cast["lead"])
    [entry] = AuditEntry.objects.filter(additional_data__has_key="import")
    assert (entry.actor, entry.additional_data["import"]["sha256"]) == (cast["lead"], plan.digest)


def test_what_was_recorded_before_an_import_broke_off_is_in_the_audit_trail(
    in_tenant: Tenant, payments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read(in_tenant, "payment_id,is_fraud,known_at", f"P0,true,{GOOD}", f"P1,true,{GOOD}", f"P2,true,{GOOD}")
    record = label_import.labels_record

    def breaks_off_at_the_second(**asked: Any) -> Any:
        if FraudLabel.objects.exists():
            raise OperationalError("the server is gone")
        return record(**asked)

    monkeypatch.setattr(label_import, "CHUNK", 2)
    monkeypatch.setattr(label_import, "labels_record", breaks_off_at_the_second)
    with pytest.raises(OperationalError):
        label_import_apply(tenant=in_tenant, plan=plan, now=NOW)
    monkeypatch.undo()
    assert len(stored()) == 2
    label_import_apply(tenant=in_tenant, plan=plan, now=NOW)

    entries = AuditEntry.objects.filter(additional_data__has_key="import").order_by("pk")
    told = [entry.additional_data["import"] for entry in entries]
    assert [(one["new"], one["repeated"]) for one in told] == [(2, 0), (1, 2)]
    assert {one["sha256"] for one in told} == {plan.digest}


def test_another_tenants_payment_is_not_known(in_tenant: Tenant, neighbour: Tenant, payments: list[str]) -> None:
    plan = read(neighbour, "payment_id,is_fraud,known_at", f"P0,true,{GOOD}")
    assert [one.code for one in plan.faults] == ["unknown_payment"]


# --- the command ----------------------------------------------------------------------------------------------------
def said(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("labels", *words, "--json", stdout=out, stderr=io.StringIO())
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_the_command_records_a_good_file_and_holds_back_a_bad_one(
    in_tenant: Tenant, payments: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(f"payment_id,is_fraud,known_at\nP0,true,{GOOD}\nP9,true,{GOOD}\n")
    words = ("import", str(file), "--source", "chargeback")
    assert said(*words, "--dry-run")["rejected_lines"][0]["line"] == 3
    with pytest.raises(CommandError, match="Nothing was recorded, as 1 lines were rejected"):
        said(*words)
    assert stored() == []
    assert said(*words, "--skip-rejected")["recorded"] == 1
    assert len(stored()) == 1
    with pytest.raises(CommandError, match="cannot be read"):
        said("import", str(tmp_path / "none.csv"))
    with pytest.raises(CommandError, match="Nobody has the e-mail"):
        said(*words, "--by", "nobody@example.org")


def test_what_is_exported_can_come_back(
    in_tenant: Tenant, neighbour: Tenant, payments: list[str], tmp_path: Path
) -> None:
    lines = ("payment_id,is_fraud,known_at,pattern", f"P0,true,{GOOD},=cmd", "P1,false,2025-12-10T10:00:00Z,")
    label_import_apply(tenant=in_tenant, plan=read(in_tenant, *lines), now=NOW)
    whole, then = tmp_path / "whole.csv", tmp_path / "then.csv"
    assert said("export", "--out", str(whole))["labels"] == 2
    assert said("export", "--out", str(then), "--on", "2025-12-05")["labels"] == 1
    assert said("export", "--out", str(then), "--on", "2025-12-05", "--reading", "recorded")["labels"] == 0
    assert "'=cmd" in whole.read_text()
    with whole.open() as file:
        plan = label_import_read(tenant=in_tenant, lines=file, now=NOW)
    assert plan.counts == {"new": 0, "turned": 0, "kind": 0, "repeated": 2, "rejected": 0}
    out = io.StringIO()
    call_command("labels", "export", stdout=out)
    assert out.getvalue().rstrip("\n") == whole.read_text().rstrip("\n")
    for words in (("export",), ("export", "--out", str(then), "--on", "soon")):
        with pytest.raises(CommandError):
            said(*words)
