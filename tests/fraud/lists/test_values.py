"""What may stand on a list, and what of it may be shown."""

from __future__ import annotations

import pytest

from apps.fraud.engine.list_values import BadValue, canonical


@pytest.mark.parametrize(
    ("kind", "raw", "text", "form", "hint"),
    [
        ("customer", " C00042 ", "C00042", "plain", ""),
        ("merchant", "M001", "M001", "plain", ""),
        ("country", "fr", "FR", "plain", ""),
        ("bin", "497010", "497010", "plain", ""),
        ("bin", "49701099", "49701099", "plain", ""),
        ("email", "Zoe@Courriel.example", "Zoe@Courriel.example", "hash", "•••@courriel.example"),
        ("device", "dev_deadbeef0042", "dev_deadbeef0042", "hash", "de•••"),
        ("device", "dev_42", "dev_42", "hash", "•••"),
        ("card", "fp_0123456789abcdef", "fp_0123456789abcdef", "hash", "fp•••"),
        ("ip", "192.0.2.7", "192.0.2.7", "hash", "192.•••"),
        ("ip", "192.0.2.7/32", "192.0.2.7", "hash", "192.•••"),
        ("ip", "::ffff:192.0.2.7", "192.0.2.7", "hash", "192.•••"),
        ("ip", "2001:DB8:0::1", "2001:db8::1", "hash", "2001:•••"),
        ("ip", "2001:db8::1/128", "2001:db8::1", "hash", "2001:•••"),
        ("ip", "192.0.2.0/24", "192.0.2.0/24", "network", "192.0.2.0/24"),
        ("ip", "192.0.2.16/28", "192.0.2.16/28", "network", "192.•••/28"),
        ("ip", "2001:db8::/32", "2001:db8::/32", "network", "2001:db8::/32"),
        ("ip", "2001:db8:0:7::/64", "2001:db8:0:7::/64", "network", "2001:•••/64"),
        ("ip", "9f86d081884c7d65", "9f86d081884c7d65", "hash", "9f•••"),
        ("ip", "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", "hash",
         "n4•••"),
        ("ip", "4242424242424242", "4242424242424242", "hash", "42•••"),
    ],
)  # fmt: skip
def test_a_value_has_one_canonical_form(kind: str, raw: str, text: str, form: str, hint: str) -> None:
    read = canonical(kind, raw)
    assert (read.text, read.form, read.hint) == (text, form, hint)


@pytest.mark.parametrize(
    ("kind", "raw", "fault"),
    [
        ("country", "", "empty"),
        ("country", "   ", "empty"),
        ("country", "FRA", "country"),
        ("country", "F1", "country"),
        ("country", "=1+1", "country"),
        ("bin", "49701", "bin"),
        ("bin", "4970100", "bin"),
        ("bin", "４９７０１０", "bin"),
        ("email", "zoe", "email"),
        ("email", "@example.org", "email"),
        ("email", "a b@example.org", "email"),
        ("email", "zoe@localhost", "email"),
        ("email", "a@b@example.org", "email"),
        ("customer", "C" * 65, "long"),
        ("customer", "C\x0042", "control"),
        ("customer", "C\u200b42", "control"),
        ("customer", "C\ud80042", "control"),
        ("card", "4242 4242 4242 4242", "card_number"),
        ("customer", "4242424242424242", "card_number"),
        ("ip", "300.1.1.1", "address"),
        ("ip", "10.0.0.0/33", "address"),
        ("ip", "10.0.0.0/x", "address"),
        ("ip", "10.1.0.0/8", "host_bits"),
        ("ip", "0.0.0.0/0", "wide"),
        ("ip", "::/0", "wide"),
        ("ip", "fe80::1%eth0", "address"),
        ("ip", "12ab:", "address"),
        ("ip", "short", "address"),
        ("ip", "a b c d e f g h", "address"),
        ("ip", "x" * 129, "address"),
    ],
)
def test_what_is_no_value_of_the_kind_is_refused(kind: str, raw: str, fault: str) -> None:
    with pytest.raises(BadValue) as caught:
        canonical(kind, raw)
    assert caught.value.code == fault
