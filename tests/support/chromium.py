"""The machine's Chromium. A process runs one at a time: Playwright's loop belongs to the thread until it is closed."""

import contextlib
from collections.abc import Iterator

from playwright.sync_api import Browser, expect, sync_playwright

from tools import browser

# Generous timeouts: a busy machine is not a failure.
expect.set_options(timeout=30_000)


@contextlib.contextmanager
def open_chromium() -> Iterator[Browser]:
    """Yield the browser; without one the test fails."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=browser.find() or browser.install(), args=list(browser.ARGS))
        yield found
        found.close()
