"""What a reader sees without scrolling: what is wrong, and the pipeline."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from local.system import System
from simulator.scenes import make_tables
from tests.browser.test_alerts import find_overview, post
from tools.browser_session import Reader

# As wide as the sentences of the built-in rules get with their figures.
SENTENCE = "Queries fail with SQLSTATE 42883 (errors with a SQLSTATE of broken queries in the last hour: 23) since 30 Nov 23:55"
LATER = re.compile(r"/assets/later-[^/]*\.js")
PLACES = "all => all.map(each => [each.offsetTop, each.offsetHeight])"
LEVELS = ("critical", "error", "warning", "info")


PROBLEMS = [
    {"variable": "SMTP_PORT", "message": "SMTP_PORT must be a port", "affects": "channel.email"},
    {"variable": "OPENAI_URL", "message": "OPENAI_URL must be a URL", "affects": "check.openai"},
]


def add_alerts_to_stages(overview: dict[str, Any]) -> None:
    """Let two alerts fire about each stage, which also has stuck work."""
    issue = {"type": "error", "message": "", "since": overview["timestamp"], "rule_id": "zombie_jobs", "level": "error"}
    for stage in overview["pipeline"]["stages"]:
        titles = ("Pipeline stopped", "Zombie jobs")
        overview["issues"] += [{**issue, "title": title, "labels": {"stage": stage["name"]}} for title in titles]
        stage |= {"zombie": 7, "dead": 2}


@pytest.mark.parametrize("levels", [LEVELS, ("critical",)], ids=["of_every_level", "all_critical"])
def test_pipeline_is_in_the_first_900_px_of_many_incidents(admin: Reader, system: System, levels: tuple[str, ...]) -> None:
    make_tables(system.database_url)
    post(system, "one of very many", "critical")
    incident = system.wait_until(lambda: system.get("/api/incidents?state=open&level=error")["items"], what="an incident")[0]
    free = {**incident, "owner": None, "silenced_until": None, "silenced_by": None}
    about = {**free, "sentence": SENTENCE, "alerts": [*incident["alerts"], {**incident["alerts"][0], "id": "9"}]}
    chips = {"owner": "ann", "silenced_until": "2099-01-01T00:00:00Z", "silenced_by": "bob"}
    incidents = [
        {**about, "id": str(n), "level": levels[n % len(levels)], **(chips if n > 17 or len(levels) == 1 else {})}
        for n in range(20)
    ]
    many = {**system.get("/api/overview"), "incidents": incidents, "open_incidents": 50}
    add_alerts_to_stages(many)
    admin.page.route("**/api/overview", lambda route: route.fulfill(json=many))
    admin.page.route("**/api/health", lambda route: route.fulfill(json={**system.get("/api/health"), "configuration": PROBLEMS}))
    admin.page.set_viewport_size({"width": 1440, "height": 900})
    page = admin.open(refresh_s=60)
    expect(page.get_by_role("link", name="All 50 open incidents")).to_be_visible()
    expect(page.locator(".steps a")).to_have_count(6)
    expect(page.get_by_text("2 invalid settings")).to_be_visible()
    tops = page.eval_on_selector_all(
        "main .panel, .alert", "all => all.map(each => [each.className, each.offsetTop, each.offsetHeight])"
    )
    tops.append(page.locator(".banner").inner_text())
    box = page.locator(".funnel").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 900, tops
    wrong = page.get_by_role("region", name="What is wrong now")
    lines = wrong.locator(".brief")
    expect(lines).to_have_count(3)
    for line in lines.all():
        assert line.locator(".alert-text").evaluate("text => text.scrollWidth <= text.clientWidth"), "covers no button"
        assert (line.bounding_box() or {"height": 99})["height"] <= 48
        # Somebody is on the others.
        expect(line.get_by_role("button", name="Take it")).to_have_count(1 if len(levels) > 1 else 0)
        expect(line.get_by_role("button", name="Silence")).to_be_visible()
    assert wrong.evaluate("panel => panel.scrollWidth <= panel.clientWidth")


def find_drawn(system: System) -> dict[str, Any] | None:
    """Return the overview once a value of a cause is known, with that incident alone."""
    whole: dict[str, Any] = system.get("/api/overview")
    values = next((each for each in whole["cause_values"] if each["points"]), None)
    if values is None:
        return None
    incident = next(each for each in whole["incidents"] if each["id"] == values["incident_id"])
    return {**whole, "incidents": [incident], "open_incidents": 1, "cause_values": [values]}


def test_a_card_has_its_chart_and_steps_that_lead_on(admin: Reader, system: System) -> None:
    post(system, "drawn on its card", "critical")
    found = system.wait_until(lambda: find_drawn(system), what="a kept value")
    admin.page.route("**/api/overview", lambda route: route.fulfill(json=found))
    page = admin.open(refresh_s=60)
    card = page.locator(".incident")
    expect(card.locator(".cause-chart path.line")).to_have_attribute("d", re.compile("M.*H"))
    cause = found["incidents"][0]["cause"]
    expect(card.locator("path.limit")).to_have_count(0 if cause["unit"] == "yes" or cause["threshold"] is None else 1)
    steps = card.locator(".steps a")
    expect(steps).to_have_text([re.compile(r"^1\. \w+"), re.compile(r"^2\. \w+")])
    address = steps.nth(1).get_attribute("href") or ""
    steps.nth(1).click()
    expect(page).to_have_url(re.compile(re.escape(address) + "$"))
    expect(page.locator("main .panel").first).to_be_visible()


def test_a_card_moves_nothing_when_its_chart_comes(admin: Reader, system: System) -> None:
    post(system, "grows no more", "critical")
    system.wait_until(lambda: find_overview(system, "high_error_rate"), what="the issue")
    page = admin.page
    held: list[Any] = []
    page.route(LATER, lambda route: held.append(route))
    with page.expect_request(LATER):
        admin.open(refresh_s=60)
    before = page.locator(".funnel, .incident").evaluate_all(PLACES)
    expect(page.locator(".steps a")).to_have_count(0)
    held[0].continue_()
    expect(page.locator(".incident .steps a").first).to_be_visible()
    assert page.locator(".funnel, .incident").evaluate_all(PLACES) == before


def test_what_cannot_load_costs_the_card_nothing_else(admin: Reader, system: System) -> None:
    post(system, "its chart is lost", "critical")
    system.wait_until(lambda: find_overview(system, "high_error_rate"), what="the issue")
    page = admin.page
    page.route(LATER, lambda route: route.abort())
    admin.open(refresh_s=60)
    card = page.locator(".incident").first
    expect(card.get_by_text("could not be loaded")).to_be_visible()
    expect(card.get_by_role("link", name="Runbook")).to_be_visible()
    expect(page.get_by_role("region", name="Pipeline")).to_be_visible()


def test_an_invalid_setting_is_one_line_until_it_is_opened(admin: Reader, system: System) -> None:
    admin.page.route("**/api/health", lambda route: route.fulfill(json={**system.get("/api/health"), "configuration": PROBLEMS}))
    page = admin.open(refresh_s=60)
    line = page.get_by_text("2 invalid settings")
    what = page.get_by_text("The email channel is off.")
    expect(what).to_be_hidden()
    line.click()
    expect(what).to_be_visible()
    expect(page.get_by_text("OPENAI_URL must be a URL")).to_be_visible()
