from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.fraud.selectors.feature_catalogue import catalogue_markdown


class Command(BaseCommand):
    help = "Write docs/features.md from the catalogue, or check that it is up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Write nothing; fail when the page is out of date.")

    def handle(self, *args: Any, **options: Any) -> None:
        page = settings.BASE_DIR / "docs" / "features.md"
        text = catalogue_markdown()
        if not options["check"]:
            page.write_text(text, encoding="utf-8")
        elif not page.is_file() or page.read_text(encoding="utf-8") != text:
            raise CommandError("docs/features.md is out of date. Run `manage.py feature_catalogue`.")
