"""The page "Stream": who may see it, what it says when all is well, and when something is away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.compliance.roles import BY_CODE, ROLES
from apps.fraud.admin import stream as page
from apps.fraud.selectors.stream_figures import (
    GroupStatus,
    KafkaStatus,
    LaneStatus,
    Member,
    PartitionStatus,
    StreamStatus,
    TopicStatus,
)
from tests.admin.conftest import ClientOf
from tests.devservices.kafka_servers import free_port

URL = "/admin/fraud/stream/"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def group(*, lag: int = 0, behind: float = 0.0, state: str = "Stable", member: str | None = "worker-1") -> GroupStatus:
    part = PartitionStatus(partition=0, end=1_204, committed=1_204 - lag, lag=lag, behind_seconds=behind, member=member)
    topic = TopicStatus(topic="payments", partitions=[part], lag=lag, behind_seconds=behind)
    members = [Member(member_id="m1", client_id=member, host="10.0.0.7", partitions=["payments[0]"])] if member else []
    return GroupStatus(
        group="kivendtout-stream", state=state, members=members, topics=[topic], lag=lag, behind_seconds=behind
    )


def kafka(*groups: GroupStatus, dead: int = 0, missing: tuple[str, ...] = ()) -> KafkaStatus:
    return KafkaStatus(
        groups=list(groups),
        missing=list(missing),
        lag=sum(one.lag for one in groups),
        behind_seconds=max((one.behind_seconds or 0 for one in groups), default=0.0),
        dead_letters={"payments.dlq": dead},
    )


def status(found: KafkaStatus | None, *lanes: LaneStatus) -> StreamStatus:
    return StreamStatus(at=NOW, kafka=found, outbox=list(lanes), problems=[] if found else ["Kafka does not answer."])


class Shown:
    """What the next look at the page finds."""

    def __init__(self) -> None:
        self.status = status(kafka(group()))
        self.asked = 0

    def __call__(self, _moment: datetime) -> StreamStatus:
        self.asked += 1
        return self.status


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    found = Shown()
    monkeypatch.setattr(page, "recent", page.Recent(found))
    monkeypatch.setattr(page, "KEPT_SECONDS", 0.0)
    return found


@pytest.fixture
def administrator(client_of: ClientOf) -> Client:
    return client_of("administrator")


def text(client: Client, url: str = URL) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("role", [role.code for role in ROLES])
def test_who_runs_the_installation_sees_it_and_nobody_else(role: str, client_of: ClientOf, shown: Shown) -> None:
    may = page.PERMISSION in BY_CODE[role].permissions
    assert client_of(role).get(URL).status_code == (200 if may else 403)
    assert client_of(role).get(f"{URL}?part").status_code == (200 if may else 403)
    if BY_CODE[role].staff:
        assert (URL in client_of(role).get("/admin/").content.decode()) is may


def test_the_neighbours_lead_is_refused_and_a_stranger_sent_to_sign_in(client_of: ClientOf, shown: Shown) -> None:
    assert client_of("outsider").get(URL).status_code == 403
    assert "/login/" in Client().get(URL)["location"]
    assert shown.asked == 0


def test_it_is_for_looking_only(administrator: Client, shown: Shown) -> None:
    assert administrator.post(URL).status_code == 405


def test_all_is_well(administrator: Client, shown: Shown) -> None:
    found = text(administrator)
    assert "All is well" in found
    assert "kvt-note" not in found
    assert "1,204" in found
    assert "worker-1" in found
    assert "Everything is published." in found


def test_the_part_is_what_changes_and_nothing_around_it(administrator: Client, shown: Shown) -> None:
    shown.status = status(kafka(group(lag=7, behind=2.0)))
    part = text(administrator, f"{URL}?part")
    assert "<html" not in part
    assert part.strip() in text(administrator)


def test_no_answer_is_kept_by_a_browser(administrator: Client, shown: Shown) -> None:
    assert "no-store" in administrator.get(f"{URL}?part")["cache-control"]


def test_ten_pages_ask_once(administrator: Client, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "KEPT_SECONDS", 3_600.0)
    for _page in range(10):
        text(administrator)
    assert shown.asked == 1


def held_up() -> LaneStatus:
    return LaneStatus(
        lane="decisions",
        rows=2,
        messages=1_500,
        oldest_seconds=600.0,
        attempts=9,
        failed_since=NOW - timedelta(minutes=10),
        next_try_at=NOW + timedelta(seconds=20),
        last_error="_MSG_TIMED_OUT <b>",
    )


CASES: list[tuple[StreamStatus, str, list[str]]] = [
    (status(None), "danger", ["Kafka does not answer. Nothing is lost"]),
    (status(kafka(group(member=None, state="Empty"))), "danger", ["No stream worker is there", "celery -A"]),
    (status(kafka(group()), held_up()), "danger", ["has refused what was sent since 2026-11-21 11:50:00", "12:00:20"]),
    (status(kafka(group(lag=90, behind=300.0))), "warning", ["5 min behind, with 90 messages to read"]),
    (status(kafka(group(), missing=("orders",))), "danger", ["Topics are missing: orders"]),
    (status(kafka(group(), dead=3)), "info", ["Messages in the dead-letter topics: 3"]),
    (status(kafka(group(state="PreparingRebalance"))), "info", ["are being shared out. This takes seconds."]),
    (status(kafka(group(), group(member=None))), "danger", ["a loop of theirs has ended"]),
    (
        status(kafka(group()), LaneStatus(lane="labels", rows=1, messages=4, oldest_seconds=61.0)),
        "warning",
        ["have waited in the outbox for 61 s (4 of them)"],
    ),
]


@pytest.mark.parametrize(("found", "tone", "sentences"), CASES)
def test_each_trouble_is_said_with_what_to_do(
    administrator: Client, shown: Shown, found: StreamStatus, tone: str, sentences: list[str]
) -> None:
    shown.status = found
    html = text(administrator)
    assert f"kvt-note-{tone}" in html
    for sentence in sentences:
        assert sentence in html


def test_the_worst_is_said_first(administrator: Client, shown: Shown) -> None:
    shown.status = status(kafka(group(lag=9, behind=300.0), dead=3), held_up())
    html = text(administrator)
    assert html.index("has refused") < html.index("min behind") < html.index("dead-letter topics:")
    assert "Something is stopped" in html


def test_a_matter_of_no_haste_is_not_called_well(administrator: Client, shown: Shown) -> None:
    shown.status = status(kafka(group(), dead=3))
    assert "Running" in text(administrator)
    assert "All is well" not in text(administrator)


def test_a_worker_that_reads_for_two_groups_is_one(administrator: Client, shown: Shown) -> None:
    shown.status = status(kafka(group(), group()))
    html = " ".join(text(administrator).split())
    assert "<dt>Workers</dt> <dd>1</dd>" in html


def test_a_destinations_error_is_text_and_no_markup(administrator: Client, shown: Shown) -> None:
    shown.status = status(kafka(group()), held_up())
    assert "_MSG_TIMED_OUT &lt;b&gt;" in text(administrator)
    assert "_MSG_TIMED_OUT <b>" not in text(administrator)


def test_what_is_not_known_is_not_called_nought(administrator: Client, shown: Shown) -> None:
    shown.status = StreamStatus(at=NOW, kafka=None, outbox=None, problems=["away"])
    html = text(administrator)
    assert "This cannot be read now." in html
    assert "<dd>0</dd>" not in html


def test_the_real_question_is_asked_where_kafka_is_away(
    administrator: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = [f"127.0.0.1:{free_port()}"]
    monkeypatch.setattr(page.recent, "until", 0.0)
    assert "Kafka does not answer" in text(administrator)
    monkeypatch.setattr(page.recent, "until", 0.0)
