"""Accessibility and layout of the page: keyboard, screen reader, dark mode, narrow and wide screens."""

import contextlib
import re
from datetime import datetime
from typing import Any

import psycopg2
import pytest
from playwright.sync_api import Browser, Page, expect

from local.system import System
from simulator.scenes import make_tables
from tests.browser.conftest import AXE
from tests.browser.test_alerts import find_group, post
from tools.browser_session import Reader, reader

VIEWS = (
    *(
        "",
        "incidents",
        "errors",
        "alerts",
        "calls",
        "crons",
        "costs",
        "ingest",
        "uptime",
        "rules",
        "routes",
        "silences",
        "channels",
        "subscribers",
    ),
    *(
        "explore",
        "explore?kind=service&name=database",
        "reports",
        "runbooks",
        "runbooks/queue_backlog",
        "raw/health",
        "stages/transcriptions?state=pending",
    ),
)


def views(system: System) -> list[str]:
    """Yield all views, with a group and an alert to show."""
    post(system, "for the look of it", "critical", endpoint="GET /look", release="1.0.0")
    group = find_group(system, "for the look of it")
    alerts = system.wait_until(lambda: system.get("/api/alerts")["items"], what="an alert")
    return [*VIEWS, f"errors/{group}", f"alerts/{alerts[0]['id']}"]


def serious(page: Page) -> list[str]:
    """Return serious and worse findings of axe: rule and first element."""
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate("axe.run(document).then(found => found.violations)")
    return [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_view(chromium: Browser, system: System, scheme: str) -> None:
    with reader(chromium, system, system.admin_token, color_scheme=scheme, bypass_csp=True) as somebody:
        for view in views(system):
            page = somebody.open(view, refresh_s=60)
            page.wait_for_load_state("networkidle")
            assert serious(page) == [], view


def test_no_view_scrolls_sideways_at_any_width(chromium: Browser, system: System) -> None:
    names = views(system)
    make_tables(system.database_url)
    with contextlib.closing(psycopg2.connect(system.database_url)) as conn, conn, conn.cursor() as cursor:
        late = "INSERT INTO cron_heartbeats (name, last_ok) VALUES ('process-transcription-queue', now() - interval '3 hours')"
        cursor.execute(late + " ON CONFLICT (name) DO UPDATE SET last_ok = EXCLUDED.last_ok")
    post(system, "a word without any end: " + "x" * 400)
    for width in (320, 2560):
        with reader(chromium, system, system.admin_token, viewport={"width": width, "height": 800}) as somebody:
            for view in names:
                page = somebody.open(view, refresh_s=60)
                page.wait_for_load_state("networkidle")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (view, width)


def test_what_is_empty_says_so_in_a_few_lines(viewer: Reader) -> None:
    # Another test may have silenced something.
    none: dict[str, Any] = {"items": [], "next_cursor": None, "unknown": {}}
    viewer.page.route("**/api/silences*", lambda route: route.fulfill(json=none))
    for view in ("silences", "reports", "explore?kind=route", "explore?kind=route&name=/none"):
        page = viewer.open(view, refresh_s=60)
        expect(page.locator(".empty").first).to_be_visible()
        heights = page.eval_on_selector_all(".empty", "all => all.map(each => each.getBoundingClientRect().height)")
        assert max(heights) < 300, view


def test_dark_and_light_follow_the_system_until_chosen(chromium: Browser, system: System) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    with reader(chromium, system, system.viewer_token, color_scheme="dark") as somebody:
        page = somebody.open("rules")
        dark = page.evaluate(background)
        page.emulate_media(color_scheme="light")
        light = page.evaluate(background)
        assert dark != light
        button = page.get_by_role("button", name="Theme")
        button.click()
        button.click()
        expect(button).to_have_accessible_name("Theme: dark")
        assert page.evaluate(background) == dark
        page.reload()
        assert page.evaluate(background) == dark


def test_day_bars_are_one_tab_stop_with_arrow_keys(viewer: Reader) -> None:
    page = viewer.open("uptime", refresh_s=60)
    bars = page.get_by_role("group", name="Database, last 90 days")
    expect(bars.get_by_role("img")).to_have_count(90)
    assert bars.locator("[tabindex='0']").count() == 1
    bars.locator("[tabindex='0']").focus()
    today = page.evaluate("document.activeElement.getAttribute('aria-label')")
    # Shortly after midnight, the little that has passed may be fully watched.
    assert today.endswith(("% uptime", "too few probes"))
    page.keyboard.press("ArrowLeft")
    yesterday = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert yesterday != today
    assert yesterday.endswith("not checked")
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.day-bars')?.ariaLabel") != "Database, last 90 days"


def test_keyboard_opens_and_closes_a_form_and_keeps_focus(admin: Reader, system: System) -> None:
    page = admin.open("silences", refresh_s=0.3)
    button = page.get_by_role("button", name="New silence")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("Reason").fill("typed over")
    page.wait_for_timeout(1000)
    expect(page.get_by_label("Reason")).to_have_value("typed over")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()


def test_chart_has_legend_summary_table_and_range_in_url(viewer: Reader, system: System) -> None:
    page = viewer.open("", refresh_s=60)
    chart = page.locator("figure", has_text="Errors by severity")
    expect(chart.locator(".legend")).to_contain_text("critical")
    assert "latest" in (chart.get_by_role("img").get_attribute("aria-label") or "")
    chart.get_by_text("Text and table").click()
    expect(chart.get_by_role("columnheader", name="critical")).to_be_visible()
    page.get_by_label("Time range").select_option("1h")
    page.wait_for_url("**range=1h")
    expect(chart.get_by_role("row")).to_have_count(61)
    page.get_by_role("link", name="Uptime", exact=True).filter(visible=True).first.click()
    page.wait_for_url("**#/uptime?range=1h")


def test_times_are_the_readers_own_with_utc_beside_them(chromium: Browser, system: System) -> None:
    post(system, "for its time")
    group = find_group(system, "for its time")
    with reader(chromium, system, system.viewer_token, timezone_id="Pacific/Auckland") as somebody:
        page = somebody.open(f"errors/{group}")
        shown = page.get_by_role("region", name="Error group").locator("time").filter(visible=True).first
        utc = shown.get_attribute("title") or ""
        assert utc.endswith("UTC")
        assert shown.inner_text()[-5:] != utc[11:16]


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_readers_wrong_clock_makes_no_age_and_no_end_wrong(chromium: Browser, system: System, hours: int) -> None:
    wrong = """((ahead) => {
        const Right = Date;
        window.Date = class extends Right {
            constructor(...given) { given.length ? super(...given) : super(Right.now() + ahead); }
            static now() { return Right.now() + ahead; }
        };
    })"""
    with reader(chromium, system, system.admin_token) as somebody:
        somebody.context.add_init_script(f"{wrong}({hours * 3_600_000})")
        page = somebody.open(refresh_s=60)
        cycle = page.locator(".facts div", has_text="monitor's last cycle").locator("time")
        expect(cycle).to_have_text(re.compile(r"^\d\d? s$"))
        page.goto(f"{somebody.url}/admin/operations#/silences")
        page.get_by_role("button", name="New silence").click()
        page.locator("input[name=rule_id]").fill("cron_late")
        page.get_by_label("Reason").fill(f"a clock wrong by {hours} h")
        page.get_by_role("dialog").get_by_role("button", name="Silence").click()
        expect(page.get_by_text(f"a clock wrong by {hours} h")).to_be_visible()
        made = system.get("/api/silences")["items"][0]
        lasts = datetime.fromisoformat(made["ends_at"]) - datetime.fromisoformat(made["created_at"])
        assert abs(lasts.total_seconds() - 3600) < 60


def test_bidirectional_text_reverses_no_figure(admin: Reader, system: System) -> None:
    item = {"message": "turned", "release": "\u202eabc", "environment": "العربية 12", "severity": "low"}
    assert system.call("POST", "/api/errors", system.ingest_key, item)[0] == 202
    find_group(system, "turned")
    page = admin.open("errors?q=turned", refresh_s=60)
    about = page.locator(".group-name .quiet").filter(visible=True).first
    expect(about).to_contain_text("العربية 12")
    # Horizontal position of each letter of the category, in logical order.
    lefts = about.evaluate("""(line) => {
        const text = [...line.childNodes].filter((node) => node.nodeType === 3 && /^[a-z]+$/.test(node.data));
        return text.flatMap((node) => [...node.data].map((_, index) => {
            const range = document.createRange();
            range.setStart(node, index);
            range.setEnd(node, index + 1);
            return range.getBoundingClientRect().left;
        }));
    }""")
    assert len(lefts) >= 3
    assert lefts == sorted(lefts)


def test_a_dark_page_is_printed_dark_on_light(chromium: Browser, system: System) -> None:
    with reader(chromium, system, system.viewer_token, color_scheme="dark") as somebody:
        page = somebody.open("rules", refresh_s=60)
        colour = "getComputedStyle(document.body).color"
        on_screen = page.evaluate(colour)
        page.emulate_media(media="print")
        assert page.evaluate(colour) != on_screen
        expect(page.get_by_role("button", name="Refresh")).to_be_hidden()


def test_axe_finds_nothing_serious_with_only_status_up(chromium: Browser, system: System) -> None:
    with reader(chromium, system, system.admin_token, bypass_csp=True) as somebody:
        page = somebody.page
        page.route("**/api/**", lambda route: route.fulfill(status=500, json={"message": "Internal Server Error"}))
        page.route("**/api/overview", lambda route: route.continue_())
        page = somebody.open(refresh_s=60)
        expect(page.locator(".banner")).to_contain_text("Internal Server Error")
        page.wait_for_load_state("networkidle")
        assert serious(page) == []
