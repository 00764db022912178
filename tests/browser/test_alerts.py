"""Alerts on the page: they appear without a reload, people act on them, they disappear."""

import uuid
from typing import Any

from playwright.sync_api import Route, expect

from local.system import System
from simulator.scenes import make_tables
from tools.browser_session import Reader


def post(system: System, message: str, severity: str = "high", **more: object) -> None:
    item = {"message": message, "severity": severity, **more}
    assert system.call("POST", "/api/errors", system.ingest_key, item)[0] == 202


def find_group(system: System, message: str) -> str:
    def found() -> str | None:
        items = system.get("/api/errors?limit=200")["items"]
        return next((item["id"] for item in items if message in item["message"]), None)

    return str(system.wait_until(found, what="the group"))


def test_an_alert_appears_by_itself_and_goes_by_itself(admin: Reader, system: System) -> None:
    page = admin.open()
    # What is only for information is folded.
    page.locator("summary", has_text="for information").click()
    expect(page.locator(".alert[data-rule=schema_drift]").filter(visible=True).first).to_be_visible()
    expect(page.get_by_role("region", name="Overall state")).to_contain_text("unknown")
    make_tables(system.database_url)
    system.run_cycle()
    expect(page.locator(".alert[data-rule=schema_drift]")).to_have_count(0, timeout=30_000)


def test_a_critical_error_is_seen_acknowledged_and_silenced(admin: Reader, system: System) -> None:
    page = admin.open()
    page.get_by_role("region", name="Errors").wait_for()
    post(system, "the disk of the queue is full", "critical")
    alert = page.locator(".alert[data-rule=high_error_rate]").filter(visible=True).first
    expect(alert).to_be_visible(timeout=30_000)
    expect(page.get_by_role("region", name="Overall state")).to_contain_text("outage")
    expect(alert).to_contain_text("The product has many errors")

    alert.get_by_role("button", name="Take it").click()
    expect(alert).to_contain_text("is on it")

    alert.get_by_role("button", name="Silence").click()
    page.get_by_role("dialog").get_by_label("4 hours").check()
    page.get_by_label("Reason").fill("known until tonight")
    page.get_by_role("dialog").get_by_role("button", name="Silence").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    expect(alert).to_contain_text("silenced until")
    alert.get_by_role("link", name="The product has many errors").click()
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("taken")
    page.get_by_role("button", name="Add a note").click()
    page.get_by_role("dialog").get_by_label("Note", exact=True).fill("the disk is being replaced")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    expect(page.get_by_role("region", name="Notes")).to_contain_text("the disk is being replaced")
    page.get_by_role("region", name="Alerts").get_by_role("link", name="High error rate").click()
    expect(page.get_by_role("region", name="Deliveries")).to_contain_text("log")

    page.get_by_role("link", name="Silences").click()
    silence = page.get_by_role("listitem").filter(has_text="known until tonight")
    silence.get_by_role("button", name="End now").click()
    page.get_by_role("dialog").get_by_role("button", name="End now").click()
    expect(page.get_by_text("No active silences.")).to_be_visible()


def find_overview(system: System, rule_id: str) -> dict[str, Any] | None:
    """Return the overview once it has an issue of the rule."""
    found: dict[str, Any] = system.get("/api/overview")
    return found if any(issue["rule_id"] == rule_id for issue in found["issues"]) else None


def test_a_group_is_resolved_with_a_reason_and_reopened(admin: Reader, system: System) -> None:
    message = f"could not store transcript {uuid.uuid4().hex[:4]}x"
    post(system, message, type="StoreError", stack="StoreError: could not store\n  at store (store.ts:10)")
    page = admin.open(f"errors/{find_group(system, 'could not store transcript')}")
    expect(page.get_by_role("region", name="Error group")).to_contain_text("StoreError")
    expect(page.get_by_role("region", name="Stack")).to_contain_text("store.ts")
    page.get_by_role("button", name="Resolve").click()
    page.get_by_label("Reason").fill("fixed by a retry")
    page.get_by_role("dialog").get_by_role("button", name="Resolve").click()
    expect(page.get_by_role("region", name="Error group")).to_contain_text("resolved")
    expect(page.get_by_role("region", name="History")).to_contain_text("fixed by a retry")
    page.get_by_role("button", name="Reopen").click()
    page.get_by_label("Reason").fill("it is back")
    page.get_by_role("dialog").get_by_role("button", name="Reopen").click()
    expect(page.get_by_role("region", name="Error group")).to_contain_text("unresolved")


def test_markup_in_an_error_is_shown_as_text(admin: Reader, system: System) -> None:
    probe = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script><b>bold</b>'
    tags = {"<i>tag</i>": probe}
    post(system, f"probe {probe}", type="<svg onload=alert(1)>", endpoint=f"GET /{probe}", context={"html": probe, "tags": tags})
    group = find_group(system, "probe <img")
    for view in ("", "errors", f"errors/{group}"):
        page = admin.open(view)
        expect(page.get_by_text("<img src=x onerror=").filter(visible=True).first).to_be_visible()
        assert page.evaluate("window.hurt") is None
        assert page.locator("main img, main script, main b:text-is('bold')").count() == 0


def test_a_view_answers_to_its_address(admin: Reader, system: System) -> None:
    page = admin.open("errors?severity=low&q=nothing-like-this")
    expect(page.get_by_text("No error groups match.")).to_be_visible()
    expect(page.get_by_label("Severity")).to_have_value("low")
    page = admin.open("runbooks/queue_backlog")
    expect(page.get_by_role("heading", name="Queue backlog")).to_be_visible()
    assert page.locator(".runbook ol > li").count() >= 2
    page.get_by_role("link", name="troubleshooting").click()
    expect(page.get_by_role("heading", level=2).filter(visible=True).first).to_have_text("Troubleshooting")
    page.go_back()
    page.get_by_role("link", name="plain text").click()
    expect(page.get_by_text("# Queue backlog")).to_be_visible()
    page = admin.open("raw/status")
    expect(page.get_by_text('"recent_activity"')).to_be_visible()


def test_foreign_html_is_not_shown_as_a_runbook(viewer: Reader) -> None:
    foreign = "<form action='https://example.com'><input name='token'></form>"
    viewer.page.route("**/runbooks/queue_backlog.html", lambda route: route.fulfill(body=foreign, content_type="text/html"))
    page = viewer.open("runbooks/queue_backlog")
    expect(page.locator(".runbook")).to_contain_text("the response is not one of the page's own files")
    assert page.locator("main form").count() == 0
    page = viewer.open("runbooks/no_such_rule")
    expect(page.locator(".runbook")).to_contain_text("this runbook does not exist")


def test_runbook_links_keep_the_chosen_range(viewer: Reader) -> None:
    page = viewer.open("runbooks/queue_backlog?range=6h", refresh_s=60)
    page.get_by_role("link", name="troubleshooting").click()
    page.wait_for_url("**#/runbooks/troubleshooting?range=6h")
    expect(page.get_by_role("heading", name="Troubleshooting")).to_be_visible()


def test_action_is_shown_while_an_older_request_is_open(admin: Reader, system: System) -> None:
    before = system.get("/api/silences?limit=200")
    held: list[Route] = []
    admin.page.route("**/api/silences?*", lambda route: held.append(route), times=1)
    page = admin.open("silences", refresh_s=60)
    page.get_by_role("button", name="New silence").click()
    page.locator("input[name=rule_id]").fill("cron_late")
    page.get_by_label("Reason").fill("done while asked")
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.get_by_role("dialog").get_by_role("button", name="Silence").click()
    held[0].fulfill(json=before)
    expect(page.get_by_text("done while asked")).to_be_visible()


def test_failed_poll_of_alerts_keeps_the_open_form(admin: Reader, system: System) -> None:
    post(system, "the form stays", "critical")
    page = admin.open(refresh_s=0.5)
    alert = page.locator(".alert[data-rule=high_error_rate]").filter(visible=True).first
    alert.get_by_role("button", name="Silence").click()
    page.get_by_label("Reason").fill("half writ")
    page.route("**/api/overview", lambda route: route.fulfill(status=500, json={"message": "Internal Server Error"}))
    expect(page.locator(".banner")).to_contain_text("Internal Server Error")
    expect(page.get_by_label("Reason")).to_have_value("half writ")


def test_without_its_list_what_is_wrong_is_what_the_status_says(admin: Reader, system: System) -> None:
    post(system, "the status says so", "critical")
    unread = {"code": "unavailable", "message": "the incidents cannot be read"}
    whole = system.wait_until(lambda: find_overview(system, "high_error_rate"), what="the issue")
    found = {**whole, "incidents": None, "open_incidents": None, "unknown": {**whole["unknown"], "incidents": unread}}
    admin.page.route("**/api/overview", lambda route: route.fulfill(json=found))
    page = admin.open(refresh_s=60)
    wrong = page.get_by_role("region", name="What is wrong now")
    expect(wrong.locator(".alert[data-rule=high_error_rate]")).to_be_visible()
    expect(wrong).to_contain_text("the incidents cannot be read; showing the issues of the status instead")
    expect(page.get_by_role("region", name="Overall state")).to_contain_text("High error rate")


def test_unlisted_open_incidents_are_still_counted(admin: Reader, system: System) -> None:
    post(system, "one of very many", "critical")
    incident = system.wait_until(lambda: system.get("/api/incidents?state=open&level=error")["items"], what="an incident")[0]
    incidents = [{**incident, "id": str(number)} for number in range(20)]
    many = {**system.get("/api/overview"), "incidents": incidents, "open_incidents": 50}
    admin.page.route("**/api/overview", lambda route: route.fulfill(json=many))
    page = admin.open(refresh_s=60)
    expect(page.get_by_role("link", name="All 50 open incidents")).to_be_visible()
    expect(page.get_by_role("navigation", name="Views").get_by_role("link", name="Incidents")).to_contain_text("50")


def test_fields_that_are_unknown_are_not_called_filled_in(admin: Reader, system: System) -> None:
    whole = system.get("/api/overview")
    found = {**whole, "pipeline": {**whole["pipeline"], "field_completeness": {"agent_name": 1.0, "duration": None}}}
    admin.page.route("**/api/overview", lambda route: route.fulfill(json=found))
    page = admin.open(refresh_s=60)
    expect(page.get_by_text("1 key fields are filled in, 1 unknown")).to_be_visible()
    expect(page.get_by_text("All 1 key fields")).to_have_count(0)


def test_form_stays_and_explains_when_its_alert_ends(admin: Reader, system: System) -> None:
    post(system, "gone before the form was sent", "critical")
    page = admin.open(refresh_s=0.5)
    page.locator(".alert[data-rule=high_error_rate]").filter(visible=True).first.get_by_role("button", name="Silence").click()
    page.get_by_label("Reason").fill("too late")
    none = {**system.get("/api/overview"), "incidents": [], "open_incidents": 0}
    page.route("**/api/overview", lambda route: route.fulfill(json=none))
    gone = {"error": {"code": "not_firing", "message": "this one is resolved", "request_id": "1"}}
    page.route("**/api/silences", lambda route: route.fulfill(status=409, json=gone))
    expect(page.get_by_text("No incident is open.")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("too late")
    page.get_by_role("dialog").get_by_role("button", name="Silence").click()
    expect(page.get_by_role("dialog")).to_contain_text("this one is resolved")
    page.evaluate("location.hash = '/rules'")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_failed_overview_hides_no_independent_section(admin: Reader, system: System) -> None:
    post(system, "known without the overview", "critical")
    admin.page.route("**/api/overview", lambda route: route.fulfill(status=500, json={"message": "Internal Server Error"}))
    page = admin.open(refresh_s=0.5)
    expect(page.locator(".alert[data-rule=high_error_rate]").filter(visible=True).first).to_be_visible()
    expect(page.locator(".service", has_text="Database")).to_contain_text("healthy")
    expect(page.locator(".strip")).to_contain_text("The state is unknown: Internal Server Error")
    page.unroute("**/api/overview")
    expect(page.locator(".strip")).to_contain_text("The product has many errors")
    expect(page.get_by_role("region", name="What is wrong now")).to_have_count(1)
