"""Measures the page in a real browser on loopback: first data, growth over 200 refreshes, frame times of a 1,000-row scroll."""

import json
import statistics
import time
from collections.abc import Callable

from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from local.system import System, running_system
from simulator import scenes
from tools import browser
from tools.browser_session import REFRESH, REPLAY, measure_heap_and_nodes, reader

ROUNDS = 5
# Endpoints of the first view: queues, errors, and three of the requests.
CHARTS = 5
GROUPS = 1_000
_FRAMES = """() => new Promise((done) => {
    const times = [];
    let last = performance.now();
    const step = (now) => {
        times.push(now - last);
        last = now;
        window.scrollBy(0, 400);
        if (times.length < 150) requestAnimationFrame(step); else done(times.slice(1));
    };
    requestAnimationFrame(step);
})"""


def main() -> None:
    """Print the figures."""
    with running_system(cycle_s=2) as system, sync_playwright() as playwright:
        scenes.make_tables(system.database_url)
        scenes.load_day(system.database_url)
        chromium = playwright.chromium.launch(executable_path=browser.find() or browser.install(), args=list(browser.ARGS))
        _measure_first_data(chromium, system)
        _measure_growth(chromium, system)
        _measure_scrolling(chromium, system)
        chromium.close()


def _measure_first_data(chromium: Browser, system: System) -> None:
    """Measure in a new tab each time: empty cache, warm API."""
    sentence_ms, whole_ms = [], []
    for _ in range(ROUNDS + 1):
        with reader(chromium, system, system.admin_token) as somebody:
            started = time.perf_counter()
            page = somebody.page
            page.goto(f"{system.url}/admin/operations")
            page.wait_for_selector(".strip .badge")
            sentence_ms.append((time.perf_counter() - started) * 1000)
            page.locator("figure").nth(CHARTS - 1).wait_for()
            expect(page.locator(".loading")).to_have_count(0)
            whole_ms.append((time.perf_counter() - started) * 1000)
    bare_ms = statistics.median(_measure_ms(lambda: system.get("/api/status")) for _ in range(ROUNDS))
    # The first request starts the functions.
    print(f"first data: {statistics.median(sentence_ms[1:]):.0f} ms, of which the bare answer of the status {bare_ms:.0f} ms")
    print(f"whole first view: {statistics.median(whole_ms[1:]):.0f} ms")


def _measure_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _measure_growth(chromium: Browser, system: System) -> None:
    with reader(chromium, system, system.admin_token) as somebody:
        somebody.context.add_init_script(REPLAY)
        page = somebody.open(refresh_s=60)
        page.wait_for_load_state("networkidle")
        session = somebody.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.evaluate(REFRESH, 20)
        heap_before, nodes_before = measure_heap_and_nodes(session)
        page.evaluate(REFRESH, 200)
        heap, nodes = measure_heap_and_nodes(session)
    print(f"after 200 refreshes: heap x {heap / heap_before:.2f} ({heap / 1e6:.1f} MB), nodes x {nodes / nodes_before:.2f}")


def _measure_scrolling(chromium: Browser, system: System) -> None:
    with reader(chromium, system, system.admin_token) as somebody:
        page = _open_long_list(somebody.page, system)
        frames: list[float] = page.evaluate(_FRAMES)
    print(f"scrolling {GROUPS} groups: median frame {statistics.median(frames):.1f} ms, slowest {max(frames):.1f} ms")


def _open_long_list(page: Page, system: System) -> Page:
    system.call("POST", "/api/errors", system.ingest_key, {"message": "one of many"})
    group = system.wait_until(lambda: system.get("/api/errors?limit=1")["items"], what="a group")[0]
    items = [{**group, "id": str(number), "title": f"group {number}"} for number in range(GROUPS)]

    def answer(route: Route) -> None:
        route.fulfill(body=json.dumps({"items": items, "next_cursor": None}), content_type="application/json")

    page.route("**/api/errors?*", answer)
    page.goto(f"{system.url}/admin/operations#/errors")
    page.wait_for_selector(".group")
    return page
