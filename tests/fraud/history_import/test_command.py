"""The command, as a person types it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.fraud.engine.features.catalogue import FEATURES, VERSION
from apps.fraud.services.history_import import mapping, service
from tests.fraud.history_import.conftest import MAP, ROWS, Desk

MAPS = Path(str(mapping.__file__)).parent / "maps"


def run(desk: Desk, text: str = ROWS, **options: Any) -> str:
    out = StringIO()
    told = {"map": desk.write(MAP, "map.toml"), "features_out": desk.out, "verbosity": 0} | options
    call_command("import_history", desk.write(text), stdout=out, **told)
    return out.getvalue()


def test_it_tells_what_it_did_as_one_json_object(desk: Desk) -> None:
    said = json.loads(run(desk, ROWS + "p6,ann,m1,?,2026-01-09 10:00:00,0\n", json=True, max_rejected=0.5))
    assert (said["rows"], said["features_computed"], said["labels"], said["frauds"]) == (6, 5, 4, 1)
    assert said["features"] == len(FEATURES)
    assert said["catalogue_version"] == VERSION
    assert (said["from"], said["to"]) == ("2026-01-01T10:00:00+00:00", "2026-01-08T11:00:01+00:00")
    assert said["rejected"] == {
        "rows": 1,
        "reasons": {
            "bad_amount": {
                "rows": 1,
                "examples": [
                    {"line": 7, "problem": "euros is not an amount from 0 to 99999999999.999, like 12.34."},
                ],
            }
        },
    }
    assert said["bytes"] == desk.out.stat().st_size
    assert {"seconds", "per_second"} <= said.keys()


def test_a_person_reads_it_in_a_few_lines(desk: Desk) -> None:
    said = run(desk)
    assert "5 of 5 payments, 2026-01-01T10:00:00+00:00 to" in said
    assert f"catalogue {VERSION}" in said


def test_progress_goes_to_standard_error(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    run(desk, verbosity=1)
    assert "reading 100%" in capfd.readouterr().err


def test_what_it_refuses_ends_in_a_sentence(desk: Desk) -> None:
    with pytest.raises(CommandError, match="is empty"):
        run(desk, "")


def test_a_stopped_import_says_that_nothing_was_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def stops(*_given: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(service, "_write", stops)
    with pytest.raises(CommandError, match="Nothing was kept") as caught:
        run(desk)
    assert caught.value.returncode == 130
    assert not desk.out.exists()
    assert desk.left_over() == []


@pytest.mark.parametrize("option", [{"max_rejected": "2"}, {"workers": "0"}])
def test_an_option_that_makes_no_sense_is_refused(desk: Desk, option: dict[str, str]) -> None:
    (name, value), *_ = option.items()
    with pytest.raises(CommandError, match="is not a"):
        call_command("import_history", str(desk.write(ROWS)), "--map", "m.toml", f"--{name.replace('_', '-')}", value)


@pytest.mark.parametrize("path", sorted(MAPS.glob("*.toml")), ids=lambda path: path.stem)
def test_each_map_that_ships_can_be_read(path: Path) -> None:
    assert mapping.read_map(path).name
