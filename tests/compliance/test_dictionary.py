from __future__ import annotations

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from apps.compliance.checks import every_field_is_classified
from apps.customers.models import Customer


def test_the_data_dictionary_in_the_docs_is_the_models_own(db: None) -> None:
    call_command("data_dictionary", "--check")


def test_an_outdated_dictionary_is_named_with_what_to_do(db: None, tmp_path) -> None:
    with override_settings(BASE_DIR=tmp_path), pytest.raises(CommandError, match="is out of date"):
        call_command("data_dictionary", "--check")


def test_every_column_has_a_privacy_class() -> None:
    assert every_field_is_classified(None) == []


def test_a_column_without_a_privacy_class_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    without = {name: kind for name, kind in Customer.CLASSIFICATION.items() if name != "email"}
    monkeypatch.setattr(Customer, "CLASSIFICATION", without)
    assert [error.msg for error in every_field_is_classified(None)] == [
        "customers.Customer.email has no privacy class."
    ]
