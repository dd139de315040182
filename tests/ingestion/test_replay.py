from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.payments.events import BehaviourEvent, OrderEvent, PaymentEvent, decode
from apps.payments.ingestion.source import BadDataset
from apps.payments.replay import timeline as timelines
from apps.payments.replay.messages import Outgoing, Teller
from apps.payments.replay.pace import Pace
from apps.payments.replay.timeline import Timeline, prepare_timeline
from tests.ingestion.dataset import ROWS, detail, row, write_csv, write_dataset, write_events
from tests.ingestion.messages import NOW

SESSION_AT = {"start_ts": "2025-11-11 09:45:00", "end_ts": "2025-11-11 09:59:00"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sessions = [row("sessions", 0, **SESSION_AT), row("sessions", 1)]
    target = write_dataset(tmp_path / "export", sessions=sessions, payments=ROWS["payments"][::-1])
    write_events(target)
    return target


def prepared(folder: Path, tmp_path: Path) -> Timeline:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    return prepare_timeline(folder, work, NOW, lambda _line: None)


def told(timeline: Timeline, teller: Teller) -> list[Outgoing]:
    return [message for item in timeline.items() if (message := teller.tell(item, item[0]))]


def bodies(messages: list[Outgoing], topic: str) -> list[dict[str, Any]]:
    return [json.loads(message.value) for message in messages if message.topic == topic]


def test_every_row_becomes_the_messages_it_stands_for(folder: Path, tmp_path: Path) -> None:
    teller = Teller()

    messages = told(prepared(folder, tmp_path), teller)

    by_topic = [(message.topic, message.key) for message in messages]
    assert by_topic == [
        ("user-events", b"C1"), ("cart-events", b"C1"), ("payments", b"C1"), ("payments", b"C1"), ("orders", b"C1"),
        ("user-events", b"C2"), ("payments", b"C2"), ("payments", b"C2"),
    ]  # fmt: skip
    assert teller.counted == {
        "payment events told by the payments topic": 1, "payment events without a known payment": 1,
    }  # fmt: skip


def test_a_payment_is_told_as_attempt_then_result(folder: Path, tmp_path: Path) -> None:
    payments = bodies(told(prepared(folder, tmp_path), Teller()), "payments")

    assert [(one["payment_id"], one["event"]) for one in payments] == [
        ("PAY1", "payment_attempt"), ("PAY1", "payment_success"),
        ("PAY2", "payment_attempt"), ("PAY2", "payment_failed"),
    ]  # fmt: skip
    assert payments[0]["attempted_at"] == payments[1]["attempted_at"] == "2025-11-11T09:51:23Z"
    assert (payments[0]["session_started_at"], payments[0]["utm_source"]) == ("2025-11-11T09:45:00Z", "direct")
    assert payments[0]["device_kind"] == "ios"


def test_each_message_is_one_that_the_stream_takes(folder: Path, tmp_path: Path) -> None:
    kinds: dict[str, Any] = {
        "payments": PaymentEvent, "orders": OrderEvent, "user-events": BehaviourEvent, "cart-events": BehaviourEvent,
    }  # fmt: skip
    for message in told(prepared(folder, tmp_path), Teller()):
        decode(kinds[message.topic], message.value, now=NOW)


def test_a_live_pass_has_ids_of_its_own_and_the_same_customers(folder: Path, tmp_path: Path) -> None:
    timeline = prepared(folder, tmp_path)

    first, second = (told(timeline, Teller(suffix=suffix)) for suffix in ("-a", "-b"))

    for name, topic in (("payment_id", "payments"), ("order_id", "orders"), ("event_id", "user-events")):
        ids = [{one[name] for one in bodies(messages, topic)} for messages in (first, second)]
        assert ids[0] and not ids[0] & ids[1]
    assert [message.key for message in first] == [message.key for message in second]
    order, payment = bodies(first, "orders")[0], bodies(first, "payments")[0]
    assert order["payment_id"] == payment["payment_id"] and order["session_id"] == payment["session_id"]


def test_many_runs_are_merged_into_the_same_order(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = told(prepared(folder, tmp_path), Teller())
    monkeypatch.setattr(timelines, "RUN_ROWS", 1)

    assert told(prepared(folder, tmp_path), Teller()) == whole


@pytest.mark.parametrize("backwards", [False, True], ids=["in the same order", "in another order"])
def test_details_are_told_with_their_payment(folder: Path, tmp_path: Path, backwards: bool) -> None:
    names = ("payment_id", "merchant_id", "last4", "card_fingerprint", "issuer_country", "currency", "device_kind",
             "os", "browser", "failure_code")  # fmt: skip
    told_of = [
        "PAY2,M1,1234,cfp_a,FR,EUR,mobile,iOS 18,App,wrong_cvv",
        "PAY1,M2,9876,cfp_b,FR,EUR,desktop,macOS 15,Safari,",
    ]
    details = [dict(zip(names, line.split(","), strict=True)) for line in told_of]
    write_csv(folder / "payment_details.csv", details[::-1] if backwards else details, list(details[0]))

    payments = bodies(told(prepared(folder, tmp_path), Teller()), "payments")

    assert [(one["merchant_id"], one["last_four"], one["device_kind"]) for one in payments] == [
        ("M2", "9876", "web_desktop")] * 2 + [("M1", "1234", "ios")] * 2  # fmt: skip
    assert [one.get("failure_code") for one in payments] == [None, None, None, "wrong_cvv"]


def with_told_facts(folder: Path) -> Path:
    told = detail(payment_id="PAY1", ip_country="US", billing_country="BE", cart_at="2025-11-11 09:50:30.25",
                  basket_size="3", adult_restricted="1")  # fmt: skip
    write_csv(folder / "payment_details.csv", [told], list(told))
    return folder


def test_facts_beside_the_payment_are_told_in_all_its_messages(folder: Path, tmp_path: Path) -> None:
    messages = told(prepared(with_told_facts(folder), tmp_path), Teller())

    names = ("ip_country", "billing_country", "cart_at", "basket_size", "adult_restricted")
    payments = [tuple(one.get(name) for name in names) for one in bodies(messages, "payments")]
    assert payments == [("US", "BE", "2025-11-11T09:50:30.250000Z", 3, True)] * 2 + [(None,) * 5] * 2
    for message in messages:
        if message.topic == "payments":
            decode(PaymentEvent, message.value, now=NOW)


def test_a_live_pass_keeps_the_time_between_cart_and_payment(folder: Path, tmp_path: Path) -> None:
    timeline, teller, now = prepared(with_told_facts(folder), tmp_path), Teller(suffix="-a"), 1_768_478_400_000_000
    messages = [message for item in timeline.items() if (message := teller.tell(item, now))]

    payment = bodies(messages, "payments")[1]

    assert (payment["attempted_at"], payment["cart_at"]) == ("2026-01-15T12:00:00Z", "2026-01-15T11:59:07.250000Z")


def test_rows_that_cannot_be_read_are_counted_and_left_out(folder: Path, tmp_path: Path) -> None:
    bad = row("payments", 0, payment_id="PAY3", attempt_ts="soon")
    write_csv(folder / "payments.csv", [*ROWS["payments"], bad], list(bad))

    timeline = prepared(folder, tmp_path)

    assert (timeline.skipped, timeline.payments.rows) == (1, 2)


def test_without_payments_there_is_nothing_to_replay(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match=r"lacks payments\.csv"):
        prepared(tmp_path, tmp_path)


def test_paces_say_when_the_next_message_is_due() -> None:
    clock = lambda: 1_000.0  # noqa: E731
    by_rate, by_speed, flat = Pace(rate=50, clock=clock), Pace(speed=60, clock=clock), Pace(clock=clock)
    for pace in (by_rate, by_speed, flat):
        pace.start()

    assert by_rate.due(0, 100) == 1_002.0
    assert (by_speed.due(5_000_000, 0), by_speed.due(65_000_000, 1)) == (1_000.0, 1_001.0)
    assert flat.due(5_000_000, 10) == 0.0


def test_a_live_replay_tells_the_time_at_which_it_sends() -> None:
    pace = Pace(speed=60, clock=lambda: 1_000.0)
    pace.start()
    pace.due(0, 0)

    assert pace.told(120_000_000, live=True) == 1_002_000_000
    assert pace.told(120_000_000, live=False) == 120_000_000
    assert datetime.fromtimestamp(1_002, UTC).year == 1970
