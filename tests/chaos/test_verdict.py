"""The verdict finds what it is there to find, and forgives what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.found import Dead, Decided, Evidence
from tests.chaos.sender import Ledger
from tests.chaos.shop import Planned
from tests.chaos.verdict import verdict


def told(kind: str, identity: str, says: str = "") -> Planned:
    return Planned("payments", b"C1", b"{}", kind, identity, says)  # type: ignore[arg-type]  # one of the four


def a_good_day() -> Evidence:
    """Two payments, one of them with an alert, an order, an event and a poison message, and nothing amiss."""
    ledger = Ledger()
    for offset, message in enumerate([
        told("payment", "PAY1", "pending"), told("payment", "PAY1", "success"), told("payment", "PAY2", "pending"),
        told("order", "O1", "PAY1"), told("event", "E1"), told("poison", "poison-1"), told("label", "PAY1", "genuine"),
    ]):  # fmt: skip
        ledger.note(message, f"payments[0]@{offset}")
    return Evidence(
        ledger,
        references=["PAY1", "PAY2"],
        payments=[("PAY1", "success"), ("PAY2", "pending")],
        decisions=[Decided(1, "PAY1", 10, 100.0), Decided(2, "PAY2", 75, 101.0)],
        alerts=["kvt-2"],
        changes=[("kvt-2", 1)],
        orders=[("O1", "PAY1")],
        labels=[("PAY1", "genuine")],
        events=["E1"],
        published=[("C1", "dec_1"), ("C1", "dec_2")],
        published_alerts=["kvt-2"],
        dead=[Dead("payments.dlq", "payments[0]@5", '{"payment_id": "poison-1"}')],
        state_compared=3,
        unfinished={"lag": 0, "outbox": 0},
        calm=[(90.0, 100.5)],
    )


def wrong(of: Evidence) -> list[str]:
    return [one.name for one in verdict(of) if not one.holds]


def test_a_good_day_is_called_one() -> None:
    assert wrong(a_good_day()) == []


def repeat_a_decision(of: Evidence) -> None:
    of.published.append(("C1", "dec_1"))


def repeat_an_alert(of: Evidence) -> None:
    of.published_alerts.append("kvt-2")


def repeat_a_dead_letter(of: Evidence) -> None:
    of.dead.append(of.dead[0])


def flag_a_decision_of_the_storm(of: Evidence) -> None:
    of.decisions[1] = replace(of.decisions[1], degraded=True)


def flag_a_decision_for_a_moment(of: Evidence) -> None:
    of.decisions[0] = replace(of.decisions[0], degraded=True)
    of.calm = [(90.0, 110.0)]


@pytest.mark.parametrize(
    "allowed",
    [
        repeat_a_decision,
        repeat_an_alert,
        repeat_a_dead_letter,
        flag_a_decision_of_the_storm,
        flag_a_decision_for_a_moment,
    ],
)
def test_what_is_told_twice_or_flagged_in_the_storm_is_allowed(allowed: Callable[[Evidence], None]) -> None:
    of = a_good_day()
    allowed(of)
    assert wrong(of) == []


FAULTS: list[tuple[Callable[[Evidence], object], list[str]]] = [
    (lambda of: of.ledger.never.append(told("payment", "PAY3")), ["messages sent and acknowledged"]),
    (lambda of: of.references.remove("PAY1"), ["payments with one reference"]),
    (lambda of: of.references.append("PAY1"), ["payments with one reference"]),
    (lambda of: of.payments.remove(("PAY1", "success")), ["payments with one row"]),
    (lambda of: of.payments.append(("PAY1", "success")), ["payments with one row"]),
    (lambda of: of.payments.append(("PAY9", "success")), ["payments with one row"]),
    (lambda of: of.payments.__setitem__(0, ("PAY1", "pending")), ["payments that stand as they were told"]),
    (lambda of: of.decisions.append(of.decisions[0]), ["payments with one decision"]),
    (lambda of: of.alerts.append("kvt-2"), ["alerts once in the database"]),
    (lambda of: of.alerts.append("kvt-7"),
     ["alerts once in the database", "alerts numbered for open pages", "alerts that reached their topic"]),
    (lambda of: of.changes.clear(), ["alerts numbered for open pages"]),
    (lambda of: of.changes.append(("kvt-2", 2)), ["alerts numbered for open pages"]),
    (lambda of: of.changes.__setitem__(0, ("kvt-2", None)), ["alerts numbered for open pages"]),
    (lambda of: of.changes.__setitem__(0, ("kvt-2", 2)), ["alerts numbered for open pages"]),
    (lambda of: of.labels.clear(), ["verdicts on payments recorded"]),
    (lambda of: of.labels.__setitem__(0, ("PAY1", "fraud")), ["verdicts on payments recorded"]),
    (lambda of: of.alerts.remove("kvt-2"), ["alerts once in the database", "alerts that reached their topic"]),
    (lambda of: of.published.remove(("C1", "dec_2")), ["decisions that reached their topic"]),
    (lambda of: of.published.append(("C1", "dec_7")), ["decisions that reached their topic"]),
    (lambda of: of.published.reverse(), ["decisions published in their customer's order"]),
    (lambda of: of.published_alerts.clear(), ["alerts that reached their topic"]),
    (lambda of: of.orders.clear(), ["orders recorded"]),
    (lambda of: of.orders.__setitem__(0, ("O1", None)), ["orders linked to their payment"]),
    (lambda of: of.events.append("E1"), ["behaviour in the document store"]),
    (lambda of: of.dead.clear(), ["poison among the dead letters"]),
    (lambda of: of.dead.append(Dead("payments.dlq", "payments[0]@0", "PAY1")), ["dead letters that are poison"]),
    (lambda of: of.state_differences.append("customer C1"), ["entities that Redis knows as PostgreSQL does"]),
    (lambda of: of.unfinished.update(lag=-1), ["nothing left to do"]),
    (lambda of: of.decisions.__setitem__(0, replace(of.decisions[0], degraded=True)),
     ["decisions in calm moments, not degraded"]),
    (lambda of: of.processes.append("stream-1, status 1"), ["processes that ended by themselves"]),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "named"), FAULTS)
def test_each_fault_is_found_where_it_is_and_nowhere_else(
    fault: Callable[[Evidence], object], named: list[str]
) -> None:
    of = a_good_day()
    fault(of)
    assert wrong(of) == named


def test_a_payment_without_its_decision_is_found_even_if_it_was_published() -> None:
    of = a_good_day()
    of.decisions.pop(0)
    assert wrong(of) == ["payments with one decision", "decisions that reached their topic"]
