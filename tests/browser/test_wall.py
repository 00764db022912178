"""A screen on a wall: everything at once, without scrolling."""

import pytest
from playwright.sync_api import Browser, Locator, expect

from local.system import System
from tests.browser.test_alerts import post
from tools.browser_session import reader


def measure(element: Locator) -> dict[str, float]:
    """Return the box of an element in the window; it is waited for, since a part may be drawn anew just now."""
    found: dict[str, float] = element.evaluate("(each) => each.getBoundingClientRect().toJSON()")
    return found


@pytest.mark.parametrize("size", [(1920, 1080), (2560, 1440)])
def test_a_wall_shows_all_and_scrolls_nothing(chromium: Browser, system: System, size: tuple[int, int]) -> None:
    post(system, "seen on the wall", "critical")
    system.wait_until(lambda: system.get("/api/overview")["open_incidents"], what="an incident")
    width, height = size
    with reader(chromium, system, system.viewer_token, viewport={"width": width, "height": height}) as somebody:
        page = somebody.page
        page.goto(f"{somebody.url}/admin/operations?wall=1&refresh=60")
        for name in ("Overall state", "Pipeline", "What is wrong now", "Services", "Today, and yesterday as a ghost"):
            region = page.get_by_role("region", name=name)
            expect(region).to_be_visible()
            box = measure(region)
            assert box["height"] > 40, name
            assert box["bottom"] <= height, name
        expect(page.locator(".service")).not_to_have_count(0)
        for service in page.locator(".service").all():
            assert measure(service)["bottom"] <= height - 8, "every service is seen"
        assert page.evaluate("document.documentElement.scrollHeight") <= height
        assert page.get_by_role("navigation").count() == 0
