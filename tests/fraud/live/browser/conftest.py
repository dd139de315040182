"""A folder of its own: Playwright keeps an event loop in the thread until its package is over."""

from tests.ui.conftest import browser

__all__ = ["browser"]
