"""The pages as a browser shows them: no overflow, no broken policy, no barrier, in both themes and languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.conftest import Open

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
PAGES = ["/accounts/login/", "/_ui/styleguide/", "/_ui/activity/", "/_ui/activity/?empty", "/_ui/password/"]
WIDTHS = [1440, 390]
EXPECTED = ("Failed to load resource: the server responded",)  # error pages are errors on purpose

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def unexpected(complaints: list[str]) -> list[str]:
    return [text for text in complaints if not any(known in text for known in EXPECTED)]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_obeys_the_policy_and_bars_nobody(visit: Open, path: str, width: int, theme: str) -> None:
    opened = visit(path, width=width, theme=theme)
    assert opened.page.evaluate(OVERFLOW) <= 0
    assert opened.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == theme
    # The checker is read by the test and run through the debugger, which the page's policy does not concern.
    opened.page.evaluate(AXE.read_text())
    report = opened.page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    barriers = [
        (found["id"], [node["html"][:160] for node in found["nodes"]])
        for found in report["violations"]
        if found["impact"] in {"serious", "critical"}
    ]
    assert barriers == []
    assert unexpected(opened.complaints) == []


@pytest.mark.parametrize("code", ["400", "403", "404", "500", "csrf", "maintenance"])
def test_an_error_page_says_what_to_do_next(visit: Open, code: str) -> None:
    opened = visit(f"/_ui/error/{code}/", width=390, theme="dark")
    assert opened.page.evaluate(OVERFLOW) <= 0
    assert opened.page.locator("h1").inner_text()
    assert opened.page.locator("main a.btn").count() == 1
    assert unexpected(opened.complaints) == []


@pytest.mark.parametrize(("language", "headline"), [("fr", "Connexion"), ("en", "Sign in")])
def test_the_login_page_speaks_the_readers_language(visit: Open, language: str, headline: str) -> None:
    page = visit("/accounts/login/", language=language).page
    assert page.locator("h1").inner_text() == headline
    assert page.locator("html").get_attribute("lang") == language


@pytest.mark.parametrize("path", ["/_ui/styleguide/", "/_ui/activity/"])
def test_english_fits_as_french_does(visit: Open, path: str) -> None:
    opened = visit(path, width=390, language="en")
    assert opened.page.evaluate(OVERFLOW) <= 0
    assert unexpected(opened.complaints) == []


@pytest.mark.parametrize("width", [320, 768, 1024, 2560])
def test_no_width_scrolls_sideways(visit: Open, width: int) -> None:
    for path in ("/_ui/activity/", "/_ui/styleguide/", "/accounts/login/"):
        assert visit(path, width=width).page.evaluate(OVERFLOW) <= 0, path


def test_the_language_switch_works_from_the_keyboard(visit: Open) -> None:
    page = visit("/accounts/login/", language="fr").page
    page.get_by_role("button", name="EN English").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("html[lang=en]")
    assert page.locator("h1").inner_text() == "Sign in"


def test_the_theme_is_remembered_and_painted_by_the_server(visit: Open) -> None:
    page = visit("/accounts/login/", cookies=False).page
    assert page.locator("html").get_attribute("data-theme") is None
    page.get_by_role("button", name="Sombre").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    html = page.request.get(page.url).text()
    assert 'data-theme="dark"' in html
    page.get_by_role("button", name="Comme le système").click()
    assert "data-theme=" not in page.request.get(page.url).text().split("<head>")[0]


def test_the_first_tab_stop_skips_to_the_content(visit: Open) -> None:
    page = visit("/_ui/activity/").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


FOCUSED = """() => {
  const node = document.activeElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
  return {name: node.outerHTML.slice(0, 120), body: node === document.body, style: style.outlineStyle,
          width: parseFloat(style.outlineWidth), seen: box.width > 1 && box.height > 1};
}"""


@pytest.mark.parametrize("path", ["/accounts/login/", "/_ui/styleguide/", "/_ui/activity/"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_tab_stop_shows_its_focus(visit: Open, path: str, theme: str) -> None:
    page = visit(path, theme=theme).page
    page.locator(".skip-link").focus()
    stops = 1
    for _ in range(60):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop["body"]:
            break
        stops += 1
        assert stop["style"] != "none" and stop["width"] >= 2 and stop["seen"], stop["name"]
    assert stops > 5


def test_the_menu_opens_and_closes_from_the_keyboard(visit: Open) -> None:
    page = visit("/_ui/activity/").page
    page.locator("details[data-menu] > summary").focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="Se déconnecter").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("button", name="Se déconnecter").is_visible()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_the_open_menu_bars_nobody_and_fits_a_phone(visit: Open) -> None:
    page = visit("/_ui/activity/", width=390).page
    page.locator("details[data-menu] > summary").click()
    box = page.locator(".menu-panel").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
    page.evaluate(AXE.read_text())
    report = page.evaluate("axe.run('.menu', {runOnly: ['wcag2a', 'wcag2aa', 'wcag22aa']})")
    assert [found["id"] for found in report["violations"] if found["impact"] in {"serious", "critical"}] == []


def test_tabs_dialog_and_notifications_answer(visit: Open) -> None:
    page = visit("/_ui/styleguide/").page
    page.get_by_role("tab", name="Faits").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Historique").get_attribute("aria-selected") == "true"
    assert page.locator("#sg-p2").is_visible() and not page.locator("#sg-p1").is_visible()
    page.get_by_role("button", name="Bloquer le paiement").click()
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    page.get_by_role("button", name="Afficher une notification").click()
    assert page.locator(".toast").inner_text().strip() == "Le paiement vous est attribué."
    page.get_by_role("button", name="Fermer").click()
    assert page.locator(".toast").count() == 0


def test_arrows_move_between_rows(visit: Open) -> None:
    page = visit("/_ui/activity/").page
    page.locator("tbody a").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "PAY0000494"
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.textContent") == "PAY0000498"


def test_a_flash_message_is_shown_and_stays_when_it_is_a_failure(visit: Open) -> None:
    page = visit("/_ui/flash/").page
    assert page.locator(".toast").get_attribute("data-tone") == "danger"
