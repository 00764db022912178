"""The page over time: it marks old data, recovers, pauses, and does not grow."""

import gzip
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Response, Route, expect

from local.system import System
from tools.browser_session import REFRESH, REPLAY, Reader, measure_heap_and_nodes, reader
from tools.cost.bill import PAGE_REQUESTS


@contextmanager
def stopped(system: System) -> Iterator[None]:
    """Stop the gateway, so that the API does not respond."""
    os.kill(system.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(system.pid, signal.SIGCONT)


def test_old_data_stays_under_a_banner_until_recovery(admin: Reader, system: System) -> None:
    page = admin.open(refresh_s=0.5)
    expect(page.get_by_role("region", name="Services")).to_contain_text("Database")
    page.wait_for_load_state("networkidle")
    with stopped(system):
        banner = page.get_by_role("alert")
        expect(banner).to_contain_text("Stale since", timeout=25_000)
        expect(page.get_by_role("region", name="Services")).to_contain_text("Database")
    expect(page.get_by_text("Stale since")).to_have_count(0, timeout=30_000)


def test_a_paused_page_asks_nothing_until_it_goes_on(viewer: Reader) -> None:
    page = viewer.open(refresh_s=0.3)
    page.wait_for_selector("figure")
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1200)
    assert asked == []
    expect(page.locator(".age")).to_contain_text("paused")
    with page.expect_request("**/api/overview"):
        page.get_by_role("button", name="Pause").click()


def test_hidden_page_pauses_and_catches_up_when_visible(viewer: Reader) -> None:
    page = viewer.open(refresh_s=0.3)
    page.wait_for_selector("figure")
    page.evaluate(HIDE, True)
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1000)
    assert asked == []
    with page.expect_request("**/api/overview"):
        page.evaluate(HIDE, False)


def test_a_figure_that_is_not_known_is_said_so_with_its_reason(viewer: Reader) -> None:
    page = viewer.open()
    queues = page.get_by_role("region", name="Queues")
    expect(queues).to_contain_text("the product does not record which recordings are being fetched")
    service = page.locator(".service", has_text="Deepgram")
    expect(service).to_contain_text("unknown")
    expect(service).to_contain_text("not configured")


# As a browser does when the tab goes to the background.
HIDE = """(isHidden) => {
    Object.defineProperty(document, 'hidden', {value: isHidden, configurable: true});
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def test_two_hundred_refreshes_leak_neither_memory_nor_nodes(chromium: Browser, system: System) -> None:
    with reader(chromium, system, system.admin_token) as somebody:
        somebody.context.add_init_script(REPLAY)
        page = somebody.open(refresh_s=60)
        page.wait_for_selector("figure")
        page.wait_for_load_state("networkidle")
        session = somebody.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.evaluate(REFRESH, 20)
        heap_before, nodes_before = measure_heap_and_nodes(session)
        page.evaluate(REFRESH, 200)
        heap, nodes = measure_heap_and_nodes(session)
        assert nodes <= nodes_before * 1.1 + 50
        assert heap <= heap_before * 1.3


def test_ten_rounds_are_as_many_requests_as_the_bill_says(viewer: Reader) -> None:
    page = viewer.open(refresh_s=1)
    page.wait_for_selector("figure")
    page.wait_for_load_state("networkidle")
    paths: list[str] = []
    page.on("request", lambda request: paths.append(urlsplit(request.url).path))

    whole, once = "/api/overview", "/api/uptime"
    for _ in range(60):
        # The slow data comes with each tenth round; the two rounds after it show that all of it has come.
        if paths.count(once) >= 2 and set(paths[-3:]) == {whole}:
            break
        page.wait_for_timeout(500)
    first, second = (place for place, path in enumerate(paths) if path == once)
    # A round that starts while the last one waits for its response asks for nothing.
    assert 5 <= paths[first:second].count(whole) <= 11, paths
    assert len([path for path in paths if path != whole]) == 2 * (PAGE_REQUESTS - 10), paths


def test_a_refresh_is_one_small_request_or_304(viewer: Reader, system: System) -> None:
    page = viewer.open(refresh_s=1)
    page.wait_for_selector("figure")
    page.wait_for_load_state("networkidle")
    answers: list[Response] = []
    page.on("response", lambda response: answers.append(response))
    page.wait_for_timeout(4_500)
    paths = [urlsplit(answer.url).path for answer in answers]
    assert len(paths) >= 3
    assert set(paths) == {"/api/overview"}, "slow data waits for the tenth round"
    whole = system.get("/api/overview")
    assert len(gzip.compress(json.dumps(whole).encode())) <= 30_000
    page.route("**/api/overview", lambda route: answer_unchanged(route, whole))
    with page.expect_response(lambda response: response.status == 304):
        pass
    expect(page.locator(".banner")).to_be_empty()
    expect(page.get_by_role("region", name="Pipeline")).to_be_visible()


def answer_unchanged(route: Route, whole: object) -> None:
    """Answer as the API does while nothing changes."""
    tag = 'W/"the-same"'
    if route.request.headers.get("if-none-match") == tag:
        route.fulfill(status=304, headers={"etag": tag})
    else:
        route.fulfill(json=whole, headers={"etag": tag})


def test_every_view_has_the_state_and_the_counts(chromium: Browser, system: System) -> None:
    system.call("POST", "/api/errors", system.ingest_key, {"message": "seen from everywhere", "severity": "critical"})
    system.wait_until(lambda: system.get("/api/overview")["status"] == "outage", what="an outage")
    worst = [incident["sentence"] for incident in system.get("/api/overview")["incidents"] if incident["level"] != "info"]
    for width, most in ((1440, 52), (390, 56)):
        with reader(chromium, system, system.admin_token, viewport={"width": width, "height": 844}) as somebody:
            page = somebody.open("rules", refresh_s=60)
            strip = page.get_by_role("region", name="Overall state")
            expect(strip).to_contain_text(re.compile("|".join(map(re.escape, worst))))
            expect(page).to_have_title(re.compile(r"^\(\d+\) outage · Rules · Callwatch$"))
            assert "d8433d" in (page.locator("link[rel=icon]").get_attribute("href") or "")
            expect(page.locator("nav a", has_text="Incidents").locator(".count")).to_have_text(re.compile(r"^\d+$"))
            page.mouse.wheel(0, 3000)
            page.wait_for_timeout(300)
            assert strip.bounding_box()["y"] >= 0, "sticky"  # type: ignore[index]
            assert page.locator(".bar").bounding_box()["height"] <= most, "one row"  # type: ignore[index]


# The sum of the shifts that a reader sees, as Chromium scores them; 0.1 counts as good (web.dev/articles/cls).
SHIFTS = """() => {
    window.shifted = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.shifted += entry.value;
    }).observe({type: 'layout-shift', buffered: true});
}"""


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_nothing_moves_while_the_page_loads(chromium: Browser, system: System, size: tuple[int, int]) -> None:
    with reader(chromium, system, system.viewer_token) as somebody:
        somebody.context.add_init_script(f"({SHIFTS})()")
        somebody.page.set_viewport_size({"width": size[0], "height": size[1]})
        page = somebody.open(refresh_s=60)
        # On a phone, charts are folded.
        page.wait_for_selector("figure", state="attached")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.shifted") <= 0.05
        for view in ("uptime", "channels", "ingest"):
            other = somebody.context.new_page()
            other.set_viewport_size({"width": size[0], "height": size[1]})
            other.goto(f"{somebody.url}/admin/operations?refresh=60#/{view}")
            other.wait_for_selector("main .panel")
            other.wait_for_load_state("networkidle")
            assert other.evaluate("window.shifted") <= 0.05, view
            other.close()


def test_large_lists_render_in_few_nodes(chromium: Browser, system: System) -> None:
    system.call("POST", "/api/errors", system.ingest_key, {"message": "the first of a thousand", "severity": "critical"})
    group = system.wait_until(lambda: system.get("/api/errors?limit=1")["items"], what="a group")[0]
    alert = system.wait_until(lambda: system.get("/api/alerts?limit=1")["items"], what="an alert")[0]
    pages = {
        "errors": [{**group, "id": str(number), "title": f"group {number}"} for number in range(1000)],
        "alerts": [{**alert, "id": str(number)} for number in range(200)],
    }

    def answer(route: Route) -> None:
        if "state=resolved" in route.request.url:
            route.fulfill(json={"items": [], "next_cursor": None})
            return
        name = route.request.url.split("/api/", 1)[1].split("?")[0]
        cursor = int(route.request.url.partition("cursor=")[2] or 0)
        rest = pages[name][cursor + 200 :]
        body = {"items": pages[name][cursor : cursor + 200], "next_cursor": str(cursor + 200) if rest else None}
        route.fulfill(body=json.dumps(body), content_type="application/json")

    with reader(chromium, system, system.admin_token) as somebody:
        somebody.page.route("**/api/errors?*", answer)
        somebody.page.route("**/api/alerts?*", answer)
        page = somebody.open("errors", refresh_s=60)
        for _ in range(4):
            page.get_by_role("button", name="Show more").click()
            page.wait_for_load_state("networkidle")
        expect(page.locator(".group")).to_have_count(1000)
        assert page.locator(".group").nth(900).evaluate("row => getComputedStyle(row).contentVisibility") == "auto"
        page.locator(".group").nth(999).scroll_into_view_if_needed()
        expect(page.locator(".group").nth(999)).to_be_in_viewport()
        page = somebody.open("alerts", refresh_s=60)
        expect(page.locator(".alert")).to_have_count(200)


@pytest.mark.parametrize("body", ["<html>Sign in</html>", "null", "{}"])
def test_foreign_response_makes_the_page_stale(viewer: Reader, body: str) -> None:
    page = viewer.open()
    page.wait_for_selector(".day-bars")
    page.route("**/api/overview", lambda route: route.fulfill(body=body, content_type="text/html"))
    expect(page.get_by_role("alert")).to_contain_text("the response does not come from the API (/api/overview)")
    expect(page.get_by_role("region", name="Pipeline")).to_be_visible()
    page.unroute("**/api/overview")
    expect(page.get_by_text("Stale since")).to_have_count(0)


def test_broken_view_reports_itself_and_recovers(chromium: Browser, system: System) -> None:
    with reader(chromium, system, system.viewer_token) as somebody:
        page = somebody.open()
        page.wait_for_selector(".day-bars")
        broken = {**system.get("/api/overview"), "pipeline": {}}
        page.route("**/api/overview", lambda route: route.fulfill(json=broken))
        expect(page.get_by_role("alert").last).to_contain_text("this page cannot read the API's response")
        expect(page.get_by_role("region", name="Services")).to_have_count(0)
        page.unroute("**/api/overview")
        expect(page.get_by_role("region", name="Overall state")).to_be_visible()


UNREAD = {"performance.p95_ms": {"code": "unavailable", "message": "the counters cannot be read"}}


def test_unknown_state_is_not_green_in_page_or_title(chromium: Browser, system: System) -> None:
    good = {**system.get("/api/overview"), "status": "operational", "issues": [], "unknown": {}}
    with reader(chromium, system, system.viewer_token) as somebody:
        somebody.page.route("**/api/overview", lambda route: route.fulfill(json=good))
        page = somebody.open(refresh_s=0.5)
        expect(page.locator(".strip.operational")).to_contain_text("All clear")
        expect(page).to_have_title("operational · Callwatch")
        page.route("**/api/overview", lambda route: route.fulfill(status=500, json={"message": "Internal Server Error"}))
        expect(page.locator(".strip.unknown")).to_contain_text("The current state is unknown. It was operational")
        expect(page).to_have_title("unknown · Callwatch")
        expect(page.get_by_role("status").filter(has_text="State:")).to_have_text("State: currently unknown")
        page.route("**/api/overview", lambda route: route.fulfill(json={**good, "unknown": UNREAD}))
        expect(page).to_have_title("partly unknown · Callwatch")
        page.get_by_role("link", name="Rules", exact=True).click()
        expect(page).to_have_title("partly unknown · Rules · Callwatch")


def test_list_never_shows_under_filters_it_was_not_made_for(viewer: Reader, system: System) -> None:
    system.call("POST", "/api/errors", system.ingest_key, {"message": "a group to filter by", "severity": "low"})
    system.wait_until(lambda: system.get("/api/errors?q=filter")["items"], what="the group")
    page = viewer.open("errors?severity=low", refresh_s=60)
    expect(page.locator(".group").filter(visible=True).first).to_be_visible()
    held: list[Route] = []
    page.route("**/api/errors?severity=high*", lambda route: held.append(route))
    page.get_by_label("Severity").select_option("high")
    expect(page.get_by_text("Loading …")).to_be_visible()
    expect(page.locator(".group")).to_have_count(0)
    while not held:
        page.wait_for_timeout(50)
    held[0].fulfill(status=500, json={"message": "Internal Server Error"})
    expect(page.get_by_role("main")).to_contain_text("unknown: Internal Server Error")
    expect(page.locator(".group")).to_have_count(0)


def test_going_back_to_a_view_the_age_is_that_of_what_is_shown(viewer: Reader) -> None:
    page = viewer.open("rules", refresh_s=60)
    page.wait_for_selector(".rule")
    page.get_by_role("link", name="Silences", exact=True).click()
    page.wait_for_timeout(4000)
    page.route("**/api/rules?*", lambda route: None)
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator(".age")).to_have_text("0 s old")
    page.get_by_role("link", name="Rules", exact=True).click()
    # Soon enough that an age that began again would not pass.
    expect(page.locator(".age")).to_have_text(re.compile(r"^([4-9]|\d\d) s old$"), timeout=2000)


def test_a_page_that_asks_too_often_does_not_ask_more_often(viewer: Reader) -> None:
    page = viewer.open(refresh_s=60)
    page.wait_for_load_state("networkidle")
    page.route("**/api/**", lambda route: route.fulfill(status=429, json={"message": "Too Many Requests"}))
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("alert")).to_contain_text("Too Many Requests")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(6000)
    assert asked == []


@pytest.mark.parametrize("set_back_s", [0, 3600], ids=["right_clock", "clock_set_back"])
def test_page_paused_for_minutes_does_not_stay_green(chromium: Browser, system: System, set_back_s: int) -> None:
    good = {**system.get("/api/overview"), "status": "operational", "issues": [], "unknown": {}}
    with reader(chromium, system, system.viewer_token) as somebody:
        # Responses that are still on their way when the clock jumps would time out, or set the page's time back.
        nothing = {"error": {"code": "not_found", "message": "not here", "request_id": "1"}}
        somebody.page.route("**/api/**", lambda route: route.fulfill(status=404, json=nothing))
        somebody.page.route("**/api/overview", lambda route: route.fulfill(json=good))
        somebody.page.clock.install()
        page = somebody.open(refresh_s=60)
        expect(page.locator(".strip.operational")).to_be_visible()
        expect(page.locator(".loading")).to_have_count(0)
        page.get_by_role("button", name="Pause").click()
        page.clock.set_system_time(page.evaluate("Date.now()") / 1000 - set_back_s)
        page.clock.fast_forward("05:00")
        expect(page.locator(".strip.unknown")).to_contain_text("It was operational 5 min ago")
        expect(page).to_have_title("unknown · Callwatch")
        expect(page.get_by_role("status").filter(has_text="State:")).to_have_text("State: currently unknown")
        expect(page.locator(".banner")).to_contain_text("The page is paused")
        page.get_by_role("button", name="Pause").click()
        expect(page.locator(".strip.operational")).to_be_visible()
        expect(page.locator(".banner")).to_be_empty()


def test_banner_names_the_part_that_fails(viewer: Reader) -> None:
    page = viewer.open(refresh_s=0.5)
    page.wait_for_selector(".day-bars")
    page.route("**/api/uptime", lambda route: route.fulfill(status=500, json={"message": "Internal Server Error"}))
    expect(page.locator(".banner")).to_contain_text("Internal Server Error (/api/uptime).")
    page.route("**/api/**", lambda route: route.fulfill(status=500, json={"message": "Internal Server Error"}))
    expect(page.locator(".banner")).to_contain_text("Internal Server Error. The page shows the last good data")
