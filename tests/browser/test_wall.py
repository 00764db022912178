"""A screen on a wall: everything at once, without scrolling."""

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, expect

from local.system import System
from tests.browser.test_alerts import post
from tools.browser_session import reader

# As many cards as fit stand there, and the others of the nine are counted.
FITS = """() => {
    const panel = document.querySelector('.incident')?.closest('.panel');
    const more = /\\+(\\d+) more/.exec(panel?.textContent ?? '')?.[1];
    const isWhole = panel && panel.scrollHeight <= panel.clientHeight;
    return isWhole && Number(more) + panel.querySelectorAll('.incident').length === 9;
}"""


def measure(element: Locator) -> FloatRect:
    """Return the box of an element; a part that is just drawn again has none for a moment."""
    for _attempt in range(50):
        box = element.bounding_box()
        if box is not None:
            return box
        element.page.wait_for_timeout(100)
    raise AssertionError(f"{element} has no box")


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
            assert box["y"] + box["height"] <= height, name
        expect(page.locator(".service")).not_to_have_count(0)
        for service in page.locator(".service").all():
            box = measure(service)
            assert box["y"] + box["height"] <= height - 8, "every service is seen"
        assert page.evaluate("document.documentElement.scrollHeight") <= height
        assert page.get_by_role("navigation").count() == 0


@pytest.mark.parametrize("size", [(1440, 900), (1920, 1080), (2560, 1440)])
def test_incidents_on_a_wall_are_whole_and_the_rest_is_counted(chromium: Browser, system: System, size: tuple[int, int]) -> None:
    post(system, "one of many on the wall", "critical")
    system.wait_until(lambda: system.get("/api/overview")["open_incidents"], what="an incident")
    found = system.get("/api/overview")
    long = "Several crons stopped at once, and 130 calls wait for their transcripts since 03:29 UTC"
    many = [{**found["incidents"][0], "id": str(number), "sentence": f"{long} {number}"} for number in range(9)]
    width, height = size
    with reader(chromium, system, system.viewer_token, viewport={"width": width, "height": height}) as somebody:
        page = somebody.page
        page.route("**/api/overview", lambda route: route.fulfill(json={**found, "incidents": many, "open_incidents": 9}))
        page.goto(f"{somebody.url}/admin/operations?wall=1&refresh=60")
        panel = page.get_by_role("region", name="What is wrong now")
        cards = panel.locator(".incident")
        page.wait_for_function(FITS)
        assert 1 <= cards.count() <= 6
        bottom = measure(panel)
        last = measure(cards.last)
        assert last["y"] + last["height"] <= bottom["y"] + bottom["height"], "no card is cut"
        assert cards.locator(".alert-title").evaluate_all("all => all.every((one) => one.scrollWidth <= one.clientWidth + 1)")
        assert page.evaluate("document.documentElement.scrollHeight") <= height
