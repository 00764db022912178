"""The page on a phone: small head, targets for fingers, and a silence in three taps."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from local.system import System
from tests.browser.presses import pressing
from tests.browser.test_alerts import find_overview, post
from tools.browser_session import Reader, reader

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# Links within a sentence are as high as its line (WCAG 2.5.5 excepts them), and so is what is hidden.
SMALL = """() => [...document.querySelectorAll('button, select, summary, input:not([type=radio]), a[href]')]
    .filter((one) => one.checkVisibility() && !one.classList.contains('skip'))
    .filter((one) => !(one.tagName === 'A' && one.closest('p, dd.text, th, .alert-text li')))
    .map((one) => [(one.closest('label.mark') ?? one).getBoundingClientRect(), one])
    .filter(([box]) => box.height > 0 && box.height < 43.5)
    .map(([box, one]) => `${one.tagName} ${one.textContent.slice(0, 40)} ${Math.round(box.height)}`)"""


@pytest.fixture
def phone(chromium: Browser, system: System) -> Iterator[Reader]:
    with reader(chromium, system, system.admin_token, **PHONE) as found:
        yield found


def test_head_is_small_and_stays(phone: Reader, system: System) -> None:
    post(system, "seen on a phone", "critical")
    system.wait_until(lambda: find_overview(system, "high_error_rate"), what="the issue")
    page = phone.open(refresh_s=60)
    top = page.locator(".top")
    expect(page.get_by_role("region", name="Overall state")).to_contain_text("outage")
    page.evaluate("window.scrollTo(0, 2000)")
    box = top.bounding_box()
    assert box is not None
    assert box["y"] == 0
    assert box["height"] <= 136
    # What the closed menu has no room for, the open one has.
    others = [page.get_by_role("button", name=name) for name in ("Compare with yesterday", "Refresh", "Pause", "Theme")]
    for other in others:
        expect(other).to_be_hidden()
    page.get_by_role("button", name="Overview").tap()
    for other in others:
        expect(other).to_be_in_viewport()
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Rules").tap()
    expect(page.get_by_role("region", name="Rules")).to_be_visible()
    expect(page.get_by_role("navigation", name="Views")).to_be_hidden()


@pytest.mark.parametrize(
    "view", ["", "incidents", "errors", "alerts", "crons", "rules", "silences", "channels", "explore", "reports"]
)
def test_targets_are_large_enough_for_fingers(phone: Reader, system: System, view: str) -> None:
    post(system, "for many buttons", "critical")
    page = phone.open(view, refresh_s=60)
    page.wait_for_load_state("networkidle")
    assert page.evaluate(SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_hours_of_silence_are_three_taps(phone: Reader, system: System) -> None:
    post(system, "to be silenced on a phone", "critical")
    system.wait_until(lambda: find_overview(system, "high_error_rate"), what="the issue")
    system.wait_until(lambda: system.get("/api/overview")["incidents"], what="the incident")
    page = phone.open(refresh_s=60)
    alert = page.locator(".alert[data-rule=high_error_rate]").first
    with pressing(page, 3):
        alert.get_by_role("button", name="Silence").tap()
        page.get_by_label("2 hours").tap()
        page.get_by_role("dialog").get_by_role("button", name="Silence").tap()
    expect(alert).to_contain_text("silenced until")
    made = system.get("/api/silences")["items"][0]
    assert made["reason"] == "somebody looks into it"
    lasts = datetime.fromisoformat(made["ends_at"]) - datetime.fromisoformat(made["created_at"])
    assert abs(lasts - timedelta(hours=2)) < timedelta(minutes=1)


def test_what_is_less_urgent_is_folded(phone: Reader) -> None:
    page = phone.open(refresh_s=60)
    for name in ("Queues", "Performance", "Resources"):
        panel = page.get_by_role("region", name=name)
        box = panel.bounding_box()
        assert box is not None
        assert box["height"] < 160, name
    panel = page.get_by_role("region", name="Performance")
    panel.get_by_text("Show").tap()
    expect(panel.locator("figure canvas").first).to_be_visible()
    box = panel.locator("figure canvas").first.bounding_box()
    assert box is not None
    assert box["width"] > 250, "a chart that was drawn while it was folded has its width"
