from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest

from kivendtout.env import BadSetting
from kivendtout.lib import addresses
from kivendtout.lib.addresses import country_of


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Any]:
    """A process that has asked nothing yet, and reads the packaged data."""
    settings.GEOIP_MMDB = None
    monkeypatch.setattr(addresses, "_lookup", None)
    return settings


class MaxMindStandIn:
    """maxminddb's interface, without a database file: the package is not among the dependencies."""

    class InvalidDatabaseError(RuntimeError):
        pass

    RECORDS: dict[str, Any] = {
        "8.8.8.8": {"country": {"iso_code": "US"}, "city": {"names": {"en": "Somewhere"}}},
        "2001:4860:4860::8888": {"registered_country": {"iso_code": "US"}},
    }

    def open_database(self, path: str) -> Any:
        if not Path(path).is_file():
            raise FileNotFoundError(path)
        if not Path(path).read_bytes():
            raise self.InvalidDatabaseError("no metadata")
        return SimpleNamespace(get=self.RECORDS.get)


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("8.8.8.8", "US"),
        ("80.67.169.12", "FR"),
        ("193.0.6.139", "NL"),
        ("2001:4860:4860::8888", "US"),
        ("2a01:e0a::1", "FR"),
        ("::ffff:80.67.169.12", "FR"),
        (" 80.67.169.12 ", "FR"),
    ],
)
def test_a_public_address_has_a_country(unloaded: Any, address: str, country: str) -> None:
    assert country_of(address) == country


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.16.5.4", "192.168.1.1", "127.0.0.1", "169.254.1.1", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.5", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
     "ff02::1", "2001:db8::1", "::ffff:10.0.0.1", "2001:4860:4860::8888%eth0"],
)  # fmt: skip
def test_a_private_or_reserved_address_has_none(unloaded: Any, address: str) -> None:
    assert country_of(address) is None


@pytest.mark.parametrize(
    "address", ["", " ", "localhost", "8.8.8", "8.8.8.8.8", "8.8.8.256", "08.8.8.8", "8.8.8.8/32", "134744072", "\x00"]
)
def test_what_is_no_address_has_none(unloaded: Any, address: str) -> None:
    assert country_of(address) is None


def test_what_the_data_calls_europe_asia_or_unknown_is_no_country(monkeypatch: pytest.MonkeyPatch) -> None:
    for code in ("EU", "ASIA", "--", "99", "", None):
        monkeypatch.setattr(addresses, "_lookup", lambda _, code=code: code)
        assert country_of("8.8.8.8") is None


def test_an_address_is_never_logged_nor_printed(
    unloaded: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for address in ("8.8.8.8", "10.20.30.40", "not an address", "2001:4860:4860::8888"):
        country_of(address)
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


def test_threads_that_ask_first_together_load_the_data_once(unloaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[int] = []
    together = Barrier(8)

    def load() -> addresses.Lookup:
        loads.append(1)
        return lambda _: "FR"

    def ask(_: int) -> str | None:
        together.wait()
        return country_of("8.8.8.8")

    monkeypatch.setattr(addresses, "_packaged", load)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"FR"}
    assert loads == [1]


def test_loading_leaves_the_environment_as_it_was(unloaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == "geoip2fast"]:
        monkeypatch.delitem(sys.modules, name)
    assert country_of("8.8.8.8") == "US"
    assert os.environ["PYTHONWARNINGS"] == "error"
    assert "PYTHONIOENCODING" not in os.environ


def test_a_maxmind_file_is_read_when_the_setting_names_one(
    unloaded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "country.mmdb").write_bytes(b"data")
    unloaded.GEOIP_MMDB = str(tmp_path / "country.mmdb")
    monkeypatch.setitem(sys.modules, "maxminddb", MaxMindStandIn())
    assert country_of("8.8.8.8") == "US"
    assert country_of("80.67.169.12") is None
    assert country_of("2001:4860:4860::8888") is None  # where it is registered is not where it is


def test_a_maxmind_file_without_its_package_says_what_to_install(
    unloaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    unloaded.GEOIP_MMDB = "country.mmdb"
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(BadSetting, match="GEOIP_MMDB is set, but the package maxminddb is not installed"):
        country_of("8.8.8.8")


@pytest.mark.parametrize("content", [None, b""])
def test_a_maxmind_file_that_cannot_be_read_names_the_setting(
    unloaded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    path = tmp_path / "country.mmdb"
    if content is not None:
        path.write_bytes(content)
    unloaded.GEOIP_MMDB = str(path)
    monkeypatch.setitem(sys.modules, "maxminddb", MaxMindStandIn())
    with pytest.raises(BadSetting, match=r"GEOIP_MMDB names .*country\.mmdb"):
        country_of("8.8.8.8")
