"""A short storm, one kill of each kind. `make chaos` is the long one; docs/chaos.md says what both prove."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from kivendtout.env import BASE_DIR
from tests.chaos.damage import EXPECTED
from tests.chaos.kills import KINDS

# One group: a second one beside it would take the processor that the first one's brokers need to come back.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos"), pytest.mark.timeout(400)]
PATIENCE_SECONDS = 360


def chaos(*options: str) -> tuple[int, dict[str, Any], str]:
    """Exit status, what it told, and its words. In a session of its own, so that nothing of it outlives the test."""
    command = [sys.executable, "-m", "tests.chaos", "--json", *options]
    process = subprocess.Popen(
        command, cwd=BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        told, words = process.communicate(timeout=PATIENCE_SECONDS)
    except BaseException:
        process.send_signal(signal.SIGTERM)  # it ends what it started
        process.communicate(timeout=60)
        raise
    return process.returncode, json.loads(told) if told else {}, words


def test_after_one_kill_of_each_kind_everything_is_there_once() -> None:
    status, told, words = chaos("--kills", str(len(KINDS)), "--minutes", "0.25", "--calm", "2", "--seed", "11")

    assert status == 0, words
    assert told["kills"] == dict.fromkeys(KINDS, 1)
    assert {name for name, one in told["findings"].items() if one["wrong"]} == set()
    assert told["findings"]["payments with one decision"]["found"] > 500
    assert told["control"] == [], f"of {len(EXPECTED)} kinds of planted faults some were not found"


def test_it_says_what_it_needs_where_there_is_no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PATH", "/nowhere")

    status, told, words = chaos("--kafka", "apache")

    assert (status, told) == (1, {})
    assert words.strip().splitlines()[-1].startswith("Apache Kafka needs Java 17 or newer, and there is no java here.")
