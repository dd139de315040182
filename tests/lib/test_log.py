"""Every line is one JSON object, whoever writes it."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.contextvars import clear_contextvars

from kivendtout.lib import log as log_module
from kivendtout.lib.log import NEVER_BELOW, TAKEN_OVER, bind_tenant, configure_logging, get_logger
from kivendtout.lib.trace import trace_scope

CARD = "4111 1111 1111 1111"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Logging is the process's own: other tests must find it unchanged."""
    root = logging.getLogger()
    before, level, settings = list(root.handlers), root.level, structlog.get_config()
    process, stream = log_module._process, log_module._stream
    levels = {name: logging.getLogger(name).level for name in NEVER_BELOW}
    yield
    clear_contextvars()
    structlog.configure(**settings)
    root.handlers[:], root.level = before, level
    log_module._process, log_module._stream = process, stream
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    logging.captureWarnings(False)


class Lines:
    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.capture.readouterr().out.splitlines()]

    def one(self) -> dict[str, Any]:
        (line,) = self.all()
        return line


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    configure_logging("INFO", "web")
    return Lines(capsys)


def test_a_line_says_when_who_what_and_in_which_trace(lines: Lines) -> None:
    with trace_scope("ab" * 16):
        bind_tenant("kivendtout")
        get_logger("apps.payments").warning("payment scored", outcome="DENY", points=85, score=0.91)
    line = lines.one()
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "warning", "logger": "apps.payments", "event": "payment scored", "process": "web",
        "trace_id": "ab" * 16, "tenant": "kivendtout", "outcome": "DENY", "points": 85, "score": 0.91,
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["django.request", "celery.task", "uvicorn.error", "granian", "_granian", "any.library"]
)
def test_the_standard_librarys_loggers_are_rendered_alike(lines: Lines, name: str) -> None:
    with trace_scope("ab" * 16):
        bind_tenant("kivendtout")
        logging.getLogger(name).error("order %s failed", "O1", extra={"status_code": 500, "request": object()})
    line = lines.one()
    assert (line["logger"], line["level"], line["event"]) == (name, "error", "order O1 failed")
    assert (line["trace_id"], line["tenant"], line["status_code"]) == ("ab" * 16, "kivendtout", 500)
    assert "request" not in line


def test_servers_lose_the_handlers_they_installed(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").addHandler(logging.StreamHandler())
    configure_logging("INFO", "sockets")
    assert not any(logging.getLogger(name).handlers for name in TAKEN_OVER)
    logging.getLogger("uvicorn.error").info("started")
    assert lines.one()["process"] == "sockets"


def test_warnings_are_lines_too(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
    assert "old way" in lines.one()["event"]


def test_a_line_break_cannot_forge_a_line(lines: Lines) -> None:
    get_logger("x").info('signed in\n{"level":"critical"}\r\u2028\x85\x9b', user="a\nb")
    line = lines.one()
    assert line["event"].startswith("signed in\n{")
    assert line["level"] == "info"


def test_a_field_cannot_pass_for_one_of_ours(lines: Lines) -> None:
    get_logger("x").info("hello", trace_id="forged", ts="1970", process="other", level="critical")
    line = lines.one()
    assert (line["level"], line["process"], line["trace_id"]) == ("info", "web", None)
    assert line["field_trace_id"] == "forged"


def test_an_exception_is_told_in_fields_with_its_cause_and_without_its_variables(lines: Lines) -> None:
    def fail() -> None:
        secret_local = "do not tell"  # noqa: F841
        try:
            raise KeyError("x")
        except KeyError as error:
            raise ValueError("bad payment") from error

    try:
        fail()
    except ValueError:
        get_logger("x").exception("scoring failed", payment="PAY1")
    line = lines.one()
    assert line["level"] == "error"
    assert line["exception"]["type"] == "ValueError"
    assert line["exception"]["message"] == "bad payment"
    assert line["exception"]["stack"][-1].endswith(" fail")
    assert line["exception"]["cause"]["type"] == "KeyError"
    assert "do not tell" not in json.dumps(line)


def test_a_card_number_in_an_exception_message_is_removed(lines: Lines) -> None:
    try:
        raise ValueError(f"cannot charge {CARD}")
    except ValueError:
        logging.getLogger("django.request").exception("failed for %s", CARD)
    line = lines.one()
    assert line["event"] == "failed for [card number removed]"
    assert line["exception"]["message"] == "cannot charge [card number removed]"
    assert "1111" not in json.dumps(line)


def test_sensitive_fields_are_masked_wherever_they_are(lines: Lines) -> None:
    get_logger("x").info("in", password="p", payload={"cardNumber": "x", "user": {"email": "a@b.fr"}, "amount": 5})
    line = lines.one()
    assert line["password"] == "[redacted]"
    assert line["payload"] == {"cardNumber": "[redacted]", "user": {"email": "[redacted]"}, "amount": 5}


def test_a_clients_address_is_removed_and_a_servers_is_kept(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "81.2.3.4:5555", "/ws/alerts")
    logging.getLogger("uvicorn.error").info("running on http://127.0.0.1:8001")
    logging.getLogger("redis.connection").info("lost 10.0.0.7:6379")
    accepted, running, lost = (line["event"] for line in lines.all())
    assert accepted == '[address removed] - "WebSocket /ws/alerts" [accepted]'
    assert running.endswith("127.0.0.1:8001")
    assert lost == "lost 10.0.0.7:6379"


def test_libraries_that_would_log_values_stay_quiet_at_debug(lines: Lines) -> None:
    configure_logging("DEBUG", "web")
    logging.getLogger("django.db.backends").debug("SELECT 'secret'")
    logging.getLogger("pymongo.command").info("insert secret")
    logging.getLogger("kafka.client").info("sent secret")
    logging.getLogger("uvicorn.access").info("81.2.3.4")
    get_logger("x").debug("heard")
    assert lines.one()["event"] == "heard"


def test_lines_below_the_level_are_not_written(lines: Lines) -> None:
    get_logger("x").debug("quiet")
    logging.getLogger("y").debug("quiet")
    assert lines.all() == []


def test_what_json_cannot_hold_is_written_as_text(lines: Lines) -> None:
    class Bare:
        def __str__(self) -> str:
            return f"charged {CARD}"

    deep: dict[str, Any] = {}
    deep["self"] = deep
    get_logger("x").info("odd", thing=Bare(), half="\ud800", deep=deep, keys={1: 2}, many={1}, nothing=None)
    line = lines.one()
    assert line["thing"] == "charged [card number removed]"
    assert (line["half"], line["keys"], line["many"], line["nothing"]) == ("\ud800", {"1": 2}, [1], None)


def test_a_badly_formatted_record_does_not_stop_the_program(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger("y").info("%d", "not a number")
    assert capsys.readouterr().out == ""


def test_commands_that_print_a_result_log_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "load_dataset", stream="stderr")
    get_logger("x").info("loading")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["event"] == "loading"


def test_configuring_twice_writes_each_line_once(lines: Lines) -> None:
    configure_logging("INFO", "web")
    logging.getLogger("y").info("once")
    assert lines.one()["event"] == "once"


def test_a_chatty_library_says_each_sentence_once_per_while() -> None:
    from kivendtout.lib.log import CHATTY_SECONDS, OncePerWhile

    def record(name: str, message: str, at: float) -> logging.LogRecord:
        made = logging.LogRecord(name, logging.ERROR, "", 0, message, None, None)
        made.created = at
        return made

    once = OncePerWhile()
    said = [once.filter(record("kafka.conn", "Connect failed", 1000.0 + n)) for n in range(3)]
    assert said == [True, False, False]
    assert once.filter(record("kafka.conn", "Something else", 1001.0))
    assert once.filter(record("kafka.conn", "Connect failed", 1000.0 + CHATTY_SECONDS))
    assert once.filter(record("apps.payments", "Connect failed", 1000.0)) and once.filter(
        record("apps.payments", "Connect failed", 1000.0)
    )
