"""Counts what a reader presses, so that a task stays as short as it is."""

import contextlib
from collections.abc import Iterator

from playwright.sync_api import Page

# Clicks of scripts, and those that a label hands on to its field, are no presses.
_COUNT = """() => {
    window.presses = 0;
    addEventListener('pointerdown', (event) => { window.presses += event.isTrusted ? 1 : 0; }, {capture: true});
}"""


@contextlib.contextmanager
def pressing(page: Page, times: int) -> Iterator[None]:
    """Fail unless the page is clicked or tapped exactly so many times meanwhile; the page must not be loaded again."""
    page.evaluate(_COUNT)
    yield
    assert page.evaluate("window.presses") == times
