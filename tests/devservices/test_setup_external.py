"""Servers named in the environment: a bad or unreachable value names its variable."""

from __future__ import annotations

import pytest

from kivendtout.devservices import demo, external
from kivendtout.devservices.say import SetupError

NOBODY = "127.0.0.1:1"  # a reserved port: nothing answers there


def test_a_database_that_cannot_be_reached_names_the_variable_not_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgres://someone:pass-word@{NOBODY}/x")
    with pytest.raises(SetupError, match=r"^DATABASE_URL names a database that cannot be reached") as caught:
        external.check_database()
    assert "pass-word" not in str(caught.value)


def test_another_kind_of_address_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://h/x")
    with pytest.raises(SetupError, match=r"^DATABASE_URL does not begin with postgres://"):
        external.check_database()


@pytest.mark.parametrize("value", ["not a url", f"redis://{NOBODY}/0", f"redis://{NOBODY}/zero"])
def test_a_bad_redis_names_the_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("REDIS_URL", value)
    with pytest.raises(SetupError, match=r"^REDIS_URL names"):
        external.check_redis()


@pytest.mark.parametrize("value", ["localhost", "localhost:kafka", NOBODY, f"{NOBODY},127.0.0.1:2"])
def test_a_bad_kafka_names_the_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", value)
    with pytest.raises(SetupError, match=r"^KAFKA_BOOTSTRAP_SERVERS "):
        external.check_kafka()


def test_an_owner_without_a_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgres://o@h/x")
    with pytest.raises(SetupError, match=r"^DATABASE_OWNER_URL is set but DATABASE_URL is not"):
        external.owner_address()


def test_a_database_with_one_role_is_owned_by_that_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://o@h/x")
    monkeypatch.delenv("DATABASE_OWNER_URL", raising=False)
    assert external.owner_address() == {"DATABASE_OWNER_URL": "postgres://o@h/x"}


@pytest.mark.parametrize("value", ["web", "0", "70000", "-1"])
def test_a_bad_port_names_its_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("WEB_PORT", value)
    with pytest.raises(SetupError, match=f"^WEB_PORT is '{value}'"):
        demo._port("WEB_PORT", 8000)
