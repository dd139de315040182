from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from apps.compliance.selectors.dictionary import dictionary_markdown


class Command(BaseCommand):
    help = "Write docs/data-dictionary.md from the models, or check that it is up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Write nothing; fail when the page is out of date.")

    def handle(self, *args: Any, **options: Any) -> None:
        page = settings.BASE_DIR / "docs" / "data-dictionary.md"
        with translation.override("en"):
            text = dictionary_markdown()
        if not options["check"]:
            page.write_text(text, encoding="utf-8")
        elif not page.is_file() or page.read_text(encoding="utf-8") != text:
            raise CommandError("docs/data-dictionary.md is out of date. Run `manage.py data_dictionary`.")
