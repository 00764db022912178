"""Routes on the page: tried, added, changed, moved and deleted by an admin; a viewer sees them and no buttons."""

from typing import Any

import pytest
from playwright.sync_api import expect

from local.system import System
from tools.browser_session import Reader


@pytest.fixture
def no_routes(system: System) -> Any:
    """Yield the system without routes of the page, and leave it so."""
    clear(system)
    yield system
    clear(system)


def clear(system: System) -> None:
    version = system.get("/api/routes")["version"]
    assert system.call("PUT", "/api/routes", system.admin_token, {"version": version, "routes": []})[0] == 200


def list_own(system: System) -> list[dict[str, Any]]:
    return [item["definition"] for item in system.get("/api/routes")["items"] if item["source"] == "page"]


def test_a_route_is_tried_added_changed_moved_and_deleted(admin: Reader, no_routes: System) -> None:
    page = admin.open("routes", refresh_s=60)
    page.get_by_role("button", name="Add a route").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("database")
    form.get_by_label("critical", exact=True).check()
    form.get_by_label("Rule", exact=True).fill("database_*, datbase_health")
    form.get_by_label("log", exact=True).check()
    form.get_by_label("While nobody takes it").fill("15: log")
    form.get_by_role("button", name="Where would it go?").click()
    expect(form.get_by_role("status")).to_contain_text("takes the route database to log")
    assert list_own(no_routes) == []
    form.get_by_label("Reason").fill("the night shift")
    form.get_by_role("button", name="Add", exact=True).click()
    routes = page.get_by_role("region", name="Routes", exact=True)
    expect(routes).to_contain_text("1. database of the page → log")
    expect(routes).to_contain_text("No rule is called datbase_health.")
    assert list_own(no_routes) == [
        {
            "name": "database",
            "match": {"level": ["critical"], "rule": ["database_*", "datbase_health"]},
            "channels": ["log"],
            "escalation": [{"after_s": 900, "channels": ["log"]}],
        }
    ]

    page.get_by_role("button", name="Add a route").click()
    form.get_by_label("Name").fill("mail")
    form.get_by_label("Stage").fill("rec*")
    form.get_by_label("Further fields, as JSON").fill('{"group_by": ["stage"]}')
    form.get_by_role("button", name="Add", exact=True).click()
    expect(routes).to_contain_text("2. mail of the page → the channels of the rule")
    routes.get_by_role("button", name="Move up").click()
    form.get_by_role("button", name="Move up").click()
    expect(routes).to_contain_text("1. mail of the page")
    expect(routes).to_contain_text("2. database of the page")

    routes.get_by_role("button", name="Change").first.click()
    expect(form.get_by_label("Further fields, as JSON")).to_have_value('{\n  "group_by": [\n    "stage"\n  ]\n}')
    form.get_by_label("Repeats, minutes").fill("30")
    form.get_by_role("button", name="Change").click()
    expect(routes).to_contain_text("every 30 min")
    routes.get_by_role("button", name="Delete").first.click()
    form.get_by_role("button", name="Delete").click()
    expect(routes).not_to_contain_text("mail")
    changes = page.get_by_role("region", name="Changes of the routes")
    expect(changes).to_contain_text("the night shift")
    expect(changes).to_contain_text("mail removed")
    assert [each["name"] for each in list_own(no_routes)] == ["database"]


def test_what_another_person_saved_is_not_overwritten(admin: Reader, no_routes: System) -> None:
    page = admin.open("routes", refresh_s=60)
    page.get_by_role("button", name="Add a route").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("mine")
    form.get_by_label("info", exact=True).check()
    version = no_routes.get("/api/routes")["version"]
    theirs = {"name": "theirs", "match": {"level": "critical"}}
    assert no_routes.call("PUT", "/api/routes", no_routes.admin_token, {"version": version, "routes": [theirs]})[0] == 200
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("load the routes again")
    expect(form.get_by_label("Name")).to_have_value("mine")
    assert list_own(no_routes) == [theirs]


def test_a_route_that_cannot_be_says_why(admin: Reader, no_routes: System) -> None:
    page = admin.open("routes", refresh_s=60)
    page.get_by_role("button", name="Add a route").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("everything")
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("routes.0.match: must say what the route matches")
    form.get_by_label("While nobody takes it").fill("soon")
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("Write each step as minutes and channels")
    assert list_own(no_routes) == []


def test_a_viewer_has_no_buttons(viewer: Reader, no_routes: System) -> None:
    night = {"name": "night", "match": {"level": "critical"}, "channels": ["slack"]}
    version = no_routes.get("/api/routes")["version"]
    status, saved, _headers = no_routes.call("PUT", "/api/routes", no_routes.admin_token, {"version": version, "routes": [night]})
    assert (status, saved["items"][0]["channels_not_configured"]) == (200, ["slack"])
    page = viewer.open("routes", refresh_s=60)
    routes = page.get_by_role("region", name="Routes", exact=True)
    expect(routes).to_contain_text("Not configured: slack")
    expect(routes.get_by_role("button")).to_have_count(0)
    body = {"version": saved["version"], "routes": []}
    assert no_routes.call("PUT", "/api/routes", no_routes.viewer_token, body)[0] == 403
