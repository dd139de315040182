from __future__ import annotations

from pathlib import Path

import pytest

from kivendtout import env


@pytest.fixture(autouse=True)
def _no_services_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "_services", {})
    for name in ("X_PORT", "X_URL", "X_FLAG", "X_HOSTS"):
        monkeypatch.delenv(name, raising=False)


def test_a_missing_variable_is_named_with_what_to_do() -> None:
    with pytest.raises(env.BadSetting, match=r"X_URL is not set. Run `make services`"):
        env.env_str("X_URL")


@pytest.mark.parametrize(
    ("reader", "value", "says"),
    [
        (lambda: env.env_counts("X_PORT", {"a": 1}), "b=2", "X_PORT speaks of 'b', which is none of a."),
        (lambda: env.env_counts("X_PORT", {"a": 1}), "a", "X_PORT holds 'a'; expected a= and a whole number"),
        (lambda: env.env_counts("X_PORT", {"a": 1}), "a=0", "X_PORT holds 'a=0'; expected a= and a whole number"),
        (lambda: env.env_http("X_PORT"), "registry:8081", "X_PORT does not start with https:// or http://"),
        (lambda: env.env_int("X_PORT", 1), "eighty", "X_PORT is 'eighty', which is not a whole number"),
        (lambda: env.env_bool("X_PORT", False), "maybe", "X_PORT is 'maybe'; use true or false"),
        (lambda: env.env_database("X_PORT"), "mysql://u@h/db", "X_PORT does not start with postgres://"),
        (lambda: env.env_database("X_PORT"), "postgres://u@h", "X_PORT names no database"),
        (lambda: env.env_database("X_PORT"), "postgres://u@h:port/db", "X_PORT has a port that is not a number"),
        (lambda: env.env_database("X_PORT"), "postgres://u@h:99999/db", "X_PORT has a port that is not a number"),
        (lambda: env.env_redis("X_PORT"), "localhost:6379", "X_PORT does not start with redis://"),
        (lambda: env.env_hosts("X_PORT"), "broker", "X_PORT holds 'broker'; expected host:port"),
    ],
)
def test_a_bad_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, reader, value: str, says: str) -> None:
    monkeypatch.setenv("X_PORT", value)
    with pytest.raises(env.BadSetting) as caught:
        reader()
    assert says in str(caught.value)


def test_a_password_of_a_bad_address_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_URL", "mysql://user:hunter2@host/db")
    with pytest.raises(env.BadSetting) as caught:
        env.env_database("X_URL")
    assert "hunter2" not in str(caught.value)


def test_the_environment_wins_over_the_services_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# made at set-up\nX_PORT=1\nX_FLAG = yes\n")
    monkeypatch.setattr(env, "_services", env._read_services_env(file))
    assert env.env_int("X_PORT", 0) == 1
    assert env.env_bool("X_FLAG", False)
    monkeypatch.setenv("X_PORT", "2")
    assert env.env_int("X_PORT", 0) == 2


def test_a_database_address_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_URL", "postgres://ann:p%40ss@db.example:5433/kvt?sslmode=require")
    found = env.env_database("X_URL")
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        "ann",
        "p@ss",
        "db.example",
        "5433",
        "kvt",
    )
    assert found["OPTIONS"] == {"sslmode": "require"}


def test_counts_are_changed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_PORT", "orders=12, payments = 24")
    assert env.env_counts("X_PORT", {"payments": 6, "orders": 3, "labels": 3}) == {
        "payments": 24,
        "orders": 12,
        "labels": 3,
    }
