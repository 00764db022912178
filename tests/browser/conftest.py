"""A Chromium, and one running system shared by tests of the page that only add to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from local.system import System, running_system
from tests.support.chromium import open_chromium
from tools.browser_session import Reader, reader

AXE = Path(__file__).resolve().parents[2] / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Yield the machine's Chromium; without one the tests fail."""
    with open_chromium() as found:
        yield found


@pytest.fixture(scope="package")
def system() -> Iterator[System]:
    """Yield the system; its cycles run on demand."""
    with running_system(cycle_s=None) as found:
        yield found


@pytest.fixture
def admin(chromium: Browser, system: System) -> Iterator[Reader]:
    """Yield a desktop tab of an admin."""
    with reader(chromium, system, system.admin_token) as found:
        yield found


@pytest.fixture
def viewer(chromium: Browser, system: System) -> Iterator[Reader]:
    """Yield a desktop tab of a viewer."""
    with reader(chromium, system, system.viewer_token) as found:
        yield found
