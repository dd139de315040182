"""Photograph pages of a running server, in both themes and at two widths, into a folder outside the repository.

.venv/bin/python scripts/screenshots.py http://127.0.0.1:8000 OUT / /styleguide/ --account EMAIL --password-file FILE
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from itertools import product
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
SETTLE = 600  # milliseconds for live pages to receive their first messages


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="address of the running server")
    parser.add_argument("out", type=Path, help="folder for the pictures, outside the repository")
    parser.add_argument("paths", nargs="+", help="pages, such as / or /admin/")
    parser.add_argument("--account", help="e-mail to sign in with first")
    parser.add_argument(
        "--password-file", type=Path, help="file that holds the password, so that no shell history does"
    )
    parser.add_argument("--widths", type=int, nargs="+", default=[1440, 390])
    parser.add_argument("--themes", nargs="+", default=["light", "dark"])
    parser.add_argument("--languages", nargs="+", default=["fr"])
    parser.add_argument("--full", action="store_true", help="the whole page instead of the first screen")
    return parser.parse_args()


def sign_in(context: BrowserContext, base: str, account: str, password: str) -> None:
    page = context.new_page()
    page.goto(f"{base}/accounts/login/")
    page.fill("input[name=username]", account)
    page.fill("input[name=password]", password)
    page.click("main button")
    page.wait_for_url(lambda url: "/login" not in url)
    page.close()


def main() -> int:
    options = arguments()
    out = options.out.resolve()
    if out.is_relative_to(ROOT):
        print(f"{out} is inside the repository. Name a folder elsewhere.", file=sys.stderr)
        return 2
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        print("No Chromium found. Install the system's package `chromium`.", file=sys.stderr)
        return 1
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for width, theme, language in product(options.widths, options.themes, options.languages):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme, locale=language)
            context.add_cookies(
                [
                    {"name": "django_language", "value": language, "url": options.base},
                    {"name": "theme", "value": theme, "url": options.base},
                ]
            )
            if options.account:
                sign_in(context, options.base, options.account, options.password_file.read_text().strip())
            page = context.new_page()
            for path in options.paths:
                page.goto(options.base + path)
                page.wait_for_timeout(SETTLE)
                name = re.sub(r"\W+", "-", path).strip("-") or "home"
                target = out / f"{name}-{width}-{theme}-{language}.png"
                page.screenshot(path=target, full_page=options.full)
                print(target)
            context.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
