"""What the set-up says: sentences, log lines, the box."""

from __future__ import annotations

import errno
import io
import json

import pytest

from kivendtout.devservices import helptext
from kivendtout.devservices.box import accounts_table, box
from kivendtout.devservices.home import ROOT
from kivendtout.devservices.kafka import Choice
from kivendtout.devservices.logline import condense, render
from kivendtout.devservices.say import SetupError, sentence_for, step


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), "The disk is full at /data/x; free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), "Permission denied at /data/x; give your user"),
        (OSError(errno.EIO, "Input/output error"), "The system refused: Input/output error; put that right"),
        (SetupError("Port 1 is in use; choose another."), "Port 1 is in use; choose another."),
        (KeyError("x"), "Something unforeseen happened (KeyError: 'x'); run again with KVT_DEBUG=1"),
    ],
)
def test_each_trouble_is_one_sentence_with_a_next_step(error: Exception, words: str) -> None:
    sentence = sentence_for(error)
    assert sentence.startswith(words)
    assert "\n" not in sentence


def test_a_step_says_when_it_starts_how_long_it_took_and_what_came_of_it() -> None:
    out = io.StringIO()
    with step("PostgreSQL", out) as line:
        line.note = "port 54320"
    first, last = out.getvalue().splitlines()
    assert first == "  … PostgreSQL"
    assert last.startswith("  ✓ PostgreSQL")
    assert last.endswith("0.0 s  port 54320")


def test_a_step_that_fails_says_so_and_lets_the_error_through() -> None:
    out = io.StringIO()
    with pytest.raises(SetupError), step("Redis", out):
        raise SetupError("no")
    assert "✗ Redis" in out.getvalue()


def test_a_json_log_line_becomes_its_event_and_facts() -> None:
    entry = {
        "event": "payment decided",
        "level": "info",
        "timestamp": "…",
        "outcome": "ALLOW",
        "ms": 1.5,
        "note": "a b",
    }
    assert condense(json.dumps(entry)) == 'payment decided outcome=ALLOW ms=1.5 note="a b"'


def test_a_warning_says_its_level_and_empty_facts_are_left_out() -> None:
    entry = {"event": "late", "level": "warning", "trace_id": None, "tenant": ""}
    assert condense(json.dumps(entry)) == "WARNING late"


@pytest.mark.parametrize("line", ["plain words", "{not json", "[1, 2]", '"text"'])
def test_any_other_line_stays_as_it_is(line: str) -> None:
    assert condense(line + "\n") == line


def test_a_traceback_inside_json_stays_on_one_line() -> None:
    assert "\n" not in condense(json.dumps({"event": "x", "exception": "Traceback\n  File\nValueError"}))


def test_colour_is_used_only_when_asked() -> None:
    assert "\x1b" in render("web", "hello", 0, colour=True)
    assert "\x1b" not in render("web", "hello", 0, colour=False)


def test_the_box_is_drawn_with_plain_signs_where_the_terminal_knows_no_others() -> None:
    assert box(["ab", "c"], "ascii").splitlines() == ["+----+", "| ab |", "| c  |", "+----+"]
    assert box(["ab"], "utf-8").startswith("╭")


def test_accounts_stand_in_columns() -> None:
    rows = accounts_table(
        [{"role": "lead", "email": "l@x.test", "password": "p"}, {"role": "analyst", "email": "a@x.test"}]
    )
    assert rows == ["lead     l@x.test  p", "analyst  a@x.test"]


@pytest.mark.parametrize(("name", "value"), [("KAFKA", "rabbit"), ("BROKERS", "2")])
def test_a_bad_kafka_choice_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SetupError, match=f"^{name} is '{value}'; use "):
        Choice.from_environment()


def test_help_and_makefile_name_the_same_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    assert sorted(targets) == sorted(helptext.TARGETS)
