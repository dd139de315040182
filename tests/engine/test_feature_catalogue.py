from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from apps.fraud.engine.features.catalogue import FEATURES


def test_the_features_in_the_docs_are_the_catalogue_s_own() -> None:
    call_command("feature_catalogue", "--check")


def test_an_outdated_page_of_features_is_named_with_what_to_do(tmp_path: Path) -> None:
    with override_settings(BASE_DIR=tmp_path), pytest.raises(CommandError, match=r"Run `manage.py feature_catalogue`"):
        call_command("feature_catalogue", "--check")


def test_the_page_names_every_feature_once_with_both_its_sentences(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    with override_settings(BASE_DIR=tmp_path):
        call_command("feature_catalogue")
    lines = (tmp_path / "docs" / "features.md").read_text(encoding="utf-8").splitlines()
    for feature in FEATURES:
        (line,) = [line for line in lines if line.startswith(f"| `{feature.name}` |")]
        assert line.count("|") == 8
        assert f"| {feature.fr} | {feature.en} | {feature.missing} |" in line


def test_every_feature_says_what_it_is_in_two_languages_and_what_missing_means() -> None:
    for feature in FEATURES:
        assert feature.fr and feature.en and feature.missing and feature.owner
        assert "|" not in feature.fr + feature.en + feature.missing
        assert feature.kind in ("number", "integer", "boolean", "text")
