from __future__ import annotations

import pytest

from kivendtout.lib.redact import LONGEST_TEXT, is_card_key, is_sensitive_key, redact, redact_cards, redact_text


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "5555555555554444", "378282246310005",
        "6011111111111117", "3530111333300000", "30569309025904", "4222222222222", "6759649826438450009",
    ],
)  # fmt: skip
def test_it_removes_a_card_number_however_it_is_written(number: str) -> None:
    assert redact_cards(f"paid with {number}, declined") == "paid with [card number removed], declined"
    assert redact_cards(f'{{"pan":"{number}"}}') == '{"pan":"[card number removed]"}'


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # the check digit is wrong
        "order 123456789012",  # too short
        "c0cd8113d0be423db3e8df45b931bb85",
        "a4111111111111111b",  # inside a word
        "2025-11-19 14:31:02.594554",
        "PAY0000001",
        "8a111111-1111-4111-8111-111111111111",
    ],
)
def test_it_leaves_what_is_not_a_card_number(text: str) -> None:
    assert redact_cards(text) == text


@pytest.mark.parametrize("text", ['"cvv": "123"', "cvv=1234", "CVC2: 999", "'security_code':'123'"])
def test_it_removes_a_security_code(text: str) -> None:
    assert not any(character in redact_cards(text) for character in "34 9".replace(" ", ""))
    assert "[redacted]" in redact_cards(text)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("mail to jean.dupont+x@exemple.fr failed", "mail to [e-mail removed] failed"),
        ("redis://user:hunter2@cache:6379/0", "redis://[redacted]@cache:6379/0"),
        ("Authorization: Bearer abcdefgh.ijkl", "Authorization: Bearer [redacted]"),
        ("Key (phone)=(+33 6 12) already exists.", "Key (phone)=([values removed]) already exists."),
        ("DETAIL:  Failing row contains (1, Dupont).", "DETAIL:  Failing row contains ([values removed])."),
    ],
)
def test_it_removes_what_identifies_or_opens(text: str, clean: str) -> None:
    assert redact_text(text) == clean


@pytest.mark.parametrize(
    "key",
    [
        "password", "db_password", "token", "access_token", "Authorization", "card_number", "cardNumber", "pan",
        "cvv", "CVC", "email", "E-Mail", "customer_email", "phone", "firstName", "birth_date", "api_key", "X-Api-Key",
        "Set-Cookie", "iban", "remote_addr", "client_ip", "sessionid_token", "session_key",
    ],
)  # fmt: skip
def test_it_knows_a_sensitive_key(key: str) -> None:
    assert is_sensitive_key(key)


@pytest.mark.parametrize(
    "key", ["ip_hash", "company", "panel", "status", "trace_id", "payment_id", "email_index", "description", "zip"]
)
def test_it_leaves_an_ordinary_key(key: str) -> None:
    assert not is_sensitive_key(key)


def test_only_card_data_counts_where_personal_data_may_stay() -> None:
    assert is_card_key("cardNumber")
    assert not is_card_key("email")


def test_a_number_that_is_a_card_number_is_removed() -> None:
    assert redact({"n": 4111111111111111, "ok": 12, "ratio": 0.5, "yes": True}) == {
        "n": "[card number removed]", "ok": 12, "ratio": 0.5, "yes": True,
    }  # fmt: skip


def test_a_null_under_a_sensitive_key_stays_null() -> None:
    assert redact({"email": None}) == {"email": None}


def test_a_very_long_text_is_cut() -> None:
    assert redact_text("x" * (LONGEST_TEXT + 5)).endswith("… [5 characters cut]")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("16 4111 1111 1111 1111", "16 [card number removed]"),
        ("4111 1111 1111 1111 12 25", "[card number removed] 12 25"),
        ("1234 4111-1111-1111-1111 4000056655665556 1", "1234 [card number removed] [card number removed] 1"),
        ("2026-11-21 12:45:30 123456789", "2026-11-21 12:45:30 123456789"),
    ],
)
def test_digits_beside_a_card_number_do_not_hide_it(text: str, clean: str) -> None:
    assert redact_cards(text) == clean


@pytest.mark.parametrize("text", ["12 " * 60_000, "4111111111111111 " * 10_000, "5" * 200_000])
def test_a_text_made_of_digits_is_cleaned_in_the_end(text: str) -> None:
    assert "4111" not in redact_cards(text)
