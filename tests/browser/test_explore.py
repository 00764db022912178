"""One route, service or stage over a range, next to an earlier one, by pointer and by keyboard."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, expect

from local.system import System
from tests.browser.presses import pressing
from tools.browser_session import Reader

ROUTE = "GET /explored"


@pytest.fixture
def explored(system: System) -> str:
    """Send requests of now to a route; return it."""
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    item = {"method": "GET", "route": "/explored", "status_code": 200, "response_time_ms": 4200, "at": at}
    assert system.call("POST", "/api/requests", system.ingest_key, [item] * 20)[0] == 202

    def found() -> str | None:
        routes = system.get("/api/metrics/system")["api"]["by_route"] or []
        return next((one["route"] for one in routes if "explored" in one["route"]), None)

    return str(system.wait_until(found, what="the route"))


def chart(page: Page, title: str) -> str:
    name = page.locator("figure", has_text=title).get_by_role("img").get_attribute("aria-label")
    return name or ""


def test_last_week_of_one_route_is_two_clicks(viewer: Reader, explored: str) -> None:
    page = viewer.open(refresh_s=60)
    with pressing(page, 2):
        page.get_by_role("link", name=explored, exact=True).click()
        page.get_by_role("button", name="7 days").click()
        page.wait_for_url("**range=7d*")
    expect(page.get_by_role("region", name=explored)).to_be_visible()
    expect(page.locator("figure", has_text="Latency").locator(".legend")).to_contain_text("p95")
    assert "p95" in chart(page, "Latency")


def test_today_against_yesterday_is_one_click(viewer: Reader, explored: str) -> None:
    page = viewer.open(refresh_s=60)
    asking = page.expect_response(lambda response: "metric=requests" in response.url and "before=1d" in response.url)
    with pressing(page, 1), asking as asked:
        page.get_by_role("button", name="Compare with yesterday").click()
    assert asked.value.ok
    expect(page.locator("figure", has_text="Latency").locator(".legend")).to_contain_text("a day before")
    expect(page.get_by_role("button", name="Compare with yesterday")).to_have_attribute("aria-pressed", "true")


def test_a_chart_shows_the_threshold_that_judges_it(viewer: Reader, explored: str) -> None:
    page = viewer.open(f"explore?kind=route&name={explored}&range=1h", refresh_s=60)
    expect(page.locator("figure", has_text="Latency").locator(".legend")).to_contain_text("threshold > 3 s, Slow route")


def test_keys_move_one_cursor_in_all_charts(viewer: Reader, explored: str) -> None:
    page = viewer.open(f"explore?kind=route&name={explored}&range=1h", refresh_s=60)
    times = page.locator("figure .legend-time")
    expect(times).to_have_count(3)
    expect(times.first).to_have_text("latest")
    page.get_by_role("slider", name="Latency, time").focus()
    page.keyboard.press("ArrowLeft")
    expect(times.first).not_to_have_text("latest")
    shown = times.first.inner_text()
    expect(times.nth(2)).to_have_text(shown)
    page.keyboard.press("ArrowLeft")
    expect(times.nth(2)).not_to_have_text(shown)


@pytest.mark.parametrize(
    "subject", ["kind=service&name=database", "kind=stage&name=recordings", "kind=route&name=/none", "kind=route"]
)
def test_every_subject_has_charts_or_says_why_not(viewer: Reader, subject: str) -> None:
    page = viewer.open(f"explore?{subject}&range=1h", refresh_s=60)
    page.wait_for_load_state("networkidle")
    expect(page.locator("main figure, main .empty").first).to_be_visible()


def part(page: Page) -> tuple[datetime, datetime]:
    """Return the range that the address names."""
    query = parse_qs(page.url.split("?")[-1])
    begin, end = (datetime.fromisoformat(query[name][0]) for name in ("from", "to"))
    return begin, end


def test_dragging_in_a_chart_zooms_and_back_returns(viewer: Reader, explored: str) -> None:
    page = viewer.open(f"explore?kind=route&name={explored}&range=1h", refresh_s=60)
    # A chart is drawn again when its data arrive.
    page.wait_for_load_state("networkidle")
    box = page.locator("figure", has_text="Latency").locator(".u-over").bounding_box()
    assert box is not None
    x, y = box["x"], box["y"] + 20
    page.mouse.move(x + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] * 0.75, y, steps=4)
    page.mouse.move(x + box["width"] - 2, y, steps=4)
    with page.expect_response(lambda response: "metric=route&from=" in response.url) as asked:
        page.mouse.up()
    assert asked.value.json()["range"] == "custom"
    begin, end = part(page)
    assert timedelta(minutes=28) <= end - begin <= timedelta(minutes=32)
    expect(page.get_by_role("button", name="1 hour")).to_have_attribute("aria-pressed", "false")
    page.go_back()
    expect(page.get_by_role("button", name="1 hour")).to_have_attribute("aria-pressed", "true")


def test_keys_zoom_without_a_pointer(viewer: Reader, explored: str) -> None:
    page = viewer.open(f"explore?kind=route&name={explored}&range=1h", refresh_s=60)
    page.get_by_role("slider", name="Latency, time").focus()
    for _ in range(10):
        page.keyboard.press("Shift+ArrowLeft")
    expect(page.get_by_role("status").filter(has_text="Selected")).to_contain_text("Enter shows it")
    page.keyboard.press("Enter")
    page.wait_for_url("**from=*")
    begin, end = part(page)
    assert timedelta(minutes=9) <= end - begin <= timedelta(minutes=11)
    page.get_by_role("button", name="Earlier").click()
    earlier, until = part(page)
    assert (until, until - earlier) == (begin, end - begin)
    page.get_by_role("button", name="Zoom out").click()
    page.wait_for_timeout(100)
    wider, last = part(page)
    assert last - wider == 2 * (end - begin)


def test_any_two_times_are_a_form(viewer: Reader, explored: str) -> None:
    page = viewer.open("explore?range=1h", refresh_s=60)
    page.get_by_label("From", exact=True).fill("2026-01-02T10:00")
    page.get_by_label("To", exact=True).fill("2026-01-01T10:00")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("From must be before To")
    now = datetime.now(UTC)
    page.get_by_label("From", exact=True).fill(f"{now - timedelta(hours=3):%Y-%m-%dT%H:%M}")
    page.get_by_label("To", exact=True).fill(f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**from=*")
    begin, end = part(page)
    assert end - begin == timedelta(hours=2)


def test_a_week_before_compares_in_steps_of_equal_length(viewer: Reader, explored: str) -> None:
    page = viewer.open("explore?range=24h", refresh_s=60)
    with page.expect_response(lambda response: "step=3600" in response.url) as asked:
        page.get_by_role("button", name="a week before").click()
    assert asked.value.json()["step_s"] == 3600
    page.get_by_role("button", name="1 hour").click()
    expect(page.get_by_role("main")).to_contain_text("kept by the hour")
