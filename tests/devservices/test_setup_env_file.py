from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kivendtout.devservices.envfile import read_env, secret_of, update_env, write_env


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    values = {"DATABASE_URL": "postgres://a:b=c@h:1/d", "SECRET_KEY": "x#y"}
    write_env(tmp_path / "env", values)
    assert read_env(tmp_path / "env") == values


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert read_env(tmp_path / "env") == {}


def test_comments_blank_lines_and_lines_without_a_value_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("# A=1\n\nnothing\n B = 2 \n")
    assert read_env(tmp_path / "env") == {"B": "2"}


def test_only_its_owner_reads_it_even_when_it_was_open_before(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("A=1\n")
    file.chmod(0o644)
    update_env(file, {"B": "2"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_none_removes_a_key_and_the_rest_stays(tmp_path: Path) -> None:
    write_env(tmp_path / "env", {"A": "1", "B": "2"})
    assert update_env(tmp_path / "env", {"A": None, "C": "3"}) == {"B": "2", "C": "3"}


def test_nothing_is_written_when_nothing_changes(tmp_path: Path) -> None:
    file = tmp_path / "env"
    write_env(file, {"A": "1"})
    before = file.stat().st_ino
    update_env(file, {"A": "1"})
    assert file.stat().st_ino == before


def test_a_secret_is_made_once_and_then_kept(tmp_path: Path) -> None:
    first = secret_of(tmp_path / "env", "SECRET_KEY")
    assert len(first) >= 40
    assert secret_of(tmp_path / "env", "SECRET_KEY") == first


def test_a_line_break_in_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="A holds a line break"):
        write_env(tmp_path / "env", {"A": "1\nB=2"})
