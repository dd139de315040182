"""A part of a page that fetches itself anew: the reader keeps their place, and can stop it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.ui.conftest import Open

pytestmark = pytest.mark.browser

AROUND = """<!doctype html><html lang="en"><title>Sample</title>
<script type="module" src="/static/js/refresh.js"></script>
<p data-refresh-state data-late="late" data-ended="ended"></p>
<button data-refresh-pause aria-pressed="false" hidden>Pause</button>
<p role="status" data-refresh-said></p>
<div data-refresh="?part" data-refresh-seconds="5">%s</div></html>"""
PART = """<b data-refresh-headline>%s</b><p id="text">copy me</p>
<div tabindex="0" id="wide" style="overflow-x: auto; width: 50px"><p style="width: 500px">wide</p></div>
<details id="more"><summary>More</summary>figures</details>"""


class Sample:
    """Answers the page's questions as the test wants them answered."""

    def __init__(self) -> None:
        self.headline, self.status, self.asked = "All is well", 200, 0

    def page(self, route: Route) -> None:
        route.fulfill(body=AROUND % PART % self.headline, content_type="text/html")

    def part(self, route: Route) -> None:
        self.asked += 1
        if self.status == 0:
            route.abort()
        else:
            route.fulfill(status=self.status, body=PART % self.headline, content_type="text/html")


@pytest.fixture
def sample() -> Sample:
    return Sample()


@pytest.fixture
def page(visit: Open, site: str, sample: Sample) -> Iterator[Page]:
    page = visit("/styleguide/").page
    page.route("**/sample/", sample.page)
    page.route("**/sample/?part", sample.part)
    page.clock.install()
    page.goto(f"{site}/sample/")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    yield page


def after_a_while(page: Page) -> None:
    page.clock.run_for(5_100)


def test_figures_are_fetched_anew_and_a_change_of_state_is_read_aloud(page: Page, sample: Sample) -> None:
    after_a_while(page)
    expect(page.locator("[data-refresh-said]")).to_have_text("")
    sample.headline = "Something is stopped"
    after_a_while(page)
    expect(page.locator("[data-refresh-headline]")).to_have_text("Something is stopped")
    expect(page.locator("[data-refresh-said]")).to_have_text("Something is stopped")


def test_the_reader_keeps_focus_open_details_and_scrolled_tables(page: Page, sample: Sample) -> None:
    page.locator("summary").click()
    page.locator("#wide").evaluate("one => { one.scrollLeft = 120 }")
    page.locator("summary").focus()
    sample.headline = "new"
    after_a_while(page)
    expect(page.locator("[data-refresh-headline]")).to_have_text("new")
    expect(page.locator("details")).to_have_attribute("open", "")
    expect(page.locator("summary")).to_be_focused()
    assert page.locator("#wide").evaluate("one => one.scrollLeft") == 120


def test_text_that_is_being_marked_is_left_alone(page: Page, sample: Sample) -> None:
    page.locator("#text").select_text()
    after_a_while(page)
    assert sample.asked == 0
    page.evaluate("getSelection().removeAllRanges()")
    after_a_while(page)
    for _try in range(50):  # the page says the same before and after: only the server knows that it asked
        if sample.asked:
            break
        page.wait_for_timeout(100)
    assert sample.asked == 1


def test_it_is_paused_and_goes_on_from_the_keyboard(page: Page, sample: Sample) -> None:
    pause = page.get_by_role("button", name="Pause")
    pause.press("Enter")
    expect(pause).to_have_attribute("aria-pressed", "true")
    after_a_while(page)
    assert sample.asked == 0
    sample.headline = "new"
    pause.press("Enter")
    expect(page.locator("[data-refresh-headline]")).to_have_text("new")


def test_a_server_that_does_not_answer_is_said_and_asked_again(page: Page, sample: Sample) -> None:
    for status in (0, 500):
        sample.status = status
        after_a_while(page)
        expect(page.locator("[data-refresh-state]")).to_have_text("late")
        expect(page.locator("[data-refresh-headline]")).to_have_text("All is well")
        sample.status = 200
        after_a_while(page)
        expect(page.locator("[data-refresh-state]")).to_have_text("")


def test_an_ended_session_is_said_and_not_asked_again(page: Page, sample: Sample) -> None:
    sample.status = 403
    after_a_while(page)
    expect(page.locator("[data-refresh-state]")).to_have_text("ended")
    asked = sample.asked
    after_a_while(page)
    assert sample.asked == asked
