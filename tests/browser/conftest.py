"""A Chromium, and one running system for all tests of the page that only add to it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from local import browser
from tests.system import System, running_system

# A busy machine is no failure.
expect.set_options(timeout=30_000)
AXE = Path(__file__).resolve().parents[2] / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
# Said by the page itself when the policy stops something; and kept until the test ends.
_LISTEN = (
    "document.addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI))"
)


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


@dataclass
class Reader:
    """Somebody who looks at the page: opens views, and fails the test where the page broke or the policy was hurt."""

    context: BrowserContext
    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    def open(self, view: str = "", refresh_s: float = 1) -> Page:
        """A view by its hash, signed in already."""
        self.page.goto(f"{self.url}/admin/operations?refresh={refresh_s}#/{view}")
        self.page.wait_for_selector("main .panel")
        return self.page


@contextlib.contextmanager
def reader(chromium: Browser, system: System, token: str | None, **options: object) -> Iterator[Reader]:
    """A tab of its own, signed in with `token` (None: not)."""
    context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    context.add_init_script(_LISTEN)
    if token:
        context.add_init_script(f"sessionStorage.getItem('was-here') || sessionStorage.setItem('callwatch-token', '{token}')")
        context.add_init_script("sessionStorage.setItem('was-here', '1')")
    found = Reader(context, context.new_page(), system.url)
    found.page.on("pageerror", lambda error: found.problems.append(str(error)))
    found.page.on("console", lambda message: found.problems.append(message.text) if "CSP" in message.text else None)
    yield found
    context.close()
    assert found.problems == []


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
