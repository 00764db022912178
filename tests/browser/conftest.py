"""A Chromium, and one running system for all tests of the page that only add to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from local import browser
from local.reader import Reader, reader
from local.system import System, running_system

# A busy machine is no failure.
expect.set_options(timeout=30_000)
AXE = Path(__file__).resolve().parents[2] / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium; without one the tests fail."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=browser.find() or browser.install(), args=list(browser.ARGS))
        yield found
        found.close()


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """The system with a short cycle."""
    with running_system(cycle_s=1) as found:
        yield found


@pytest.fixture
def admin(chromium: Browser, system: System) -> Iterator[Reader]:
    """An admin at a desk."""
    with reader(chromium, system, system.admin_token) as found:
        yield found


@pytest.fixture
def viewer(chromium: Browser, system: System) -> Iterator[Reader]:
    """A viewer at a desk."""
    with reader(chromium, system, system.viewer_token) as found:
        yield found
