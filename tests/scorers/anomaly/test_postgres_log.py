"""PostgreSQL's log in its three formats. Nothing of a statement but its kind is kept."""

from __future__ import annotations

import json

import pytest

from apps.fraud.scorers.anomaly.activity import Act
from apps.fraud.scorers.anomaly.postgres_log import PostgresLog

AT = "2025-11-03 09:00:00.123 UTC"


def text(level: str, message: str, *, role: str = "reporting@kivendtout ") -> str:
    return f"{AT} [4711] {role}{level}:  {message}\n"


def cells(
    message: str, *, level: str = "LOG", tag: str = "SELECT", code: str = "00000", role: str = "reporting"
) -> str:
    told = [
        AT, role, "kivendtout", "4711", "10.0.0.7:5000", "68", "1", tag, AT, "3/1", "0", level, code,
        message, "", "", "", "", "", "", "", "", "psql", "client backend", "", "0",
    ]  # fmt: skip
    return ",".join('"' + one.replace('"', '""') + '"' if one and not one.startswith("2025") else one for one in told)


def as_json(message: str) -> str:
    return json.dumps(
        {"timestamp": AT, "user": "reporting", "pid": 4711, "remote_host": "10.0.0.7", "ps": "SELECT",
         "error_severity": "LOG", "message": message}
    )  # fmt: skip


def read(*lines: str) -> tuple[PostgresLog, list[Act]]:
    log = PostgresLog(lambda address: f"hash of {address}")
    return log, list(log.acts(lines))


SLOW = "duration: 812.5 ms  statement: SELECT last_name FROM customers_customer WHERE email = 'jeanne@example.org'"


@pytest.mark.parametrize("line", [text("LOG", SLOW), cells(SLOW), as_json(SLOW)], ids=["text", "csv", "json"])
def test_a_statement_counts_by_role_kind_and_time(line: str) -> None:
    log, [act] = read(line)
    assert act.actor == "role reporting"
    assert act.counts == {"statements": 1, "milliseconds": 812.5, "reads": 1}
    assert act.longest == 812.5
    assert log.bad == 0
    assert "jeanne" not in repr(act)
    assert "customer" not in repr(act)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("insert into x values (1)", "writes"), ("DROP TABLE x", "schema"), ("GRANT ALL ON x TO y", "schema"),
        ("COPY x TO STDOUT", "copies"), ("/* a note */ SELECT 1", "reads"), ("VACUUM", None),
    ],
)  # fmt: skip
def test_kinds_of_statements(statement: str, kind: str | None) -> None:
    _log, [act] = read(text("LOG", f"duration: 1.0 ms  execute <unnamed>: {statement}"))
    assert set(act.counts) - {"statements", "milliseconds"} == ({kind} if kind else set())


def test_errors_and_refusals_are_told_apart() -> None:
    _log, acts = read(
        text("ERROR", 'relation "x" does not exist'),
        text("ERROR", "permission denied for table customers_customer"),
        cells("droit refusé", level="ERROR", code="42501"),
    )
    assert [set(act.counts) for act in acts] == [{"errors"}, {"errors", "refused"}, {"errors", "refused"}]


def test_a_role_is_known_from_its_connection_where_lines_do_not_name_it() -> None:
    _log, acts = read(
        text("LOG", "connection received: host=10.0.0.7 port=5000", role=""),
        text("LOG", "connection authorized: user=reporting database=kivendtout", role=""),
        text("LOG", SLOW, role=""),
    )
    assert [act.actor for act in acts] == ["role reporting"] * 2
    assert acts[0].counts == {"connections": 1}
    assert {act.network for act in acts} == {"hash of 10.0.0.7"}


def test_names_that_never_worked_are_not_kept() -> None:
    """People type a password where a name belongs."""
    log, acts = read(
        text("FATAL", 'password authentication failed for user "hunter2"', role=""),
        text("LOG", SLOW),
        text("FATAL", 'password authentication failed for user "reporting"', role=""),
    )
    assert [act.actor for act in acts] == ["role not named", "role reporting", "role reporting"]
    assert [set(act.counts) for act in (acts[0], acts[2])] == [{"sign_ins_failed"}] * 2
    assert log.bad == 0


def test_a_record_over_several_lines_is_one() -> None:
    whole = cells("duration: 5.0 ms  statement: SELECT 1\nFROM x\nWHERE y = 'z'")
    log, [act] = read(*whole.splitlines(keepends=True))
    assert act.counts["reads"] == 1
    assert (log.lines, log.bad) == (3, 0)


def test_a_statement_that_goes_on_is_passed_over() -> None:
    log, acts = read(text("LOG", SLOW), "\tFROM elsewhere\n", text("LOG", "checkpoint starting: time", role=""))
    assert (len(acts), log.bad, log.passed_over) == (1, 0, 2)


@pytest.mark.parametrize(
    "bad",
    ["nonsense", "2025-11-03 09:00:00.123 CET [1] LOG:  duration: 1 ms", '{"timestamp": 3}', '{"timestamp"', "a,b"],
)
def test_a_bad_line_is_counted_and_does_no_harm(bad: str) -> None:
    log, acts = read(bad, text("LOG", SLOW))
    assert (log.bad, len(acts)) == (1, 1)
