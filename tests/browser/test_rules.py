"""Own rules on the page: tried on the past, added, changed and deleted."""

from playwright.sync_api import expect

from local.system import System
from tools.browser_session import Reader


def test_an_own_rule_is_tried_added_changed_and_deleted(admin: Reader, system: System) -> None:
    page = admin.open("rules", refresh_s=60)
    page.get_by_role("button", name="Add a rule").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("Queue is long")
    form.get_by_label("Metric").fill("runtime.memory_percent")
    form.get_by_label("Threshold").fill("99")
    form.get_by_role("button", name="Try it on the last 24 hours").click()
    expect(form.get_by_role("status")).to_contain_text("Would have fired 0 times")
    form.get_by_role("button", name="Add", exact=True).click()
    rule = page.get_by_role("listitem").filter(has_text="Queue is long")
    expect(rule).to_contain_text("your own")
    expect(rule).to_contain_text("99")

    rule.get_by_role("button", name="Change").click()
    expect(form.get_by_label("Name")).to_have_value("Queue is long")
    form.get_by_label("Threshold").fill("98")
    form.get_by_label("Reason").fill("too early")
    form.get_by_role("button", name="Change").click()
    expect(rule).to_contain_text("98")
    made = next(item for item in system.get("/api/rules?limit=200")["items"] if item["id"] == "queue_is_long")
    assert [each["action"] for each in made["history"]][:2] == ["change", "create"]

    rule.get_by_role("button", name="Delete").click()
    form.get_by_role("button", name="Delete").click()
    expect(rule).to_have_count(0)


def test_a_rule_that_cannot_be_says_why_and_stays_typed(admin: Reader) -> None:
    page = admin.open("rules", refresh_s=60)
    page.get_by_role("button", name="Add a rule").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("Of nothing")
    form.get_by_label("Metric").fill("no.such.metric")
    form.get_by_label("Threshold").fill("1")
    form.get_by_role("button", name="Try it on the last 24 hours").click()
    expect(form.get_by_role("status")).to_contain_text("metric")
    form.get_by_role("button", name="Add", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("metric")
    expect(form.get_by_label("Name")).to_have_value("Of nothing")


def test_page_says_where_an_alert_would_go(viewer: Reader) -> None:
    page = viewer.open("routes", refresh_s=60)
    routes = page.get_by_role("region", name="Routes", exact=True)
    expect(routes).to_contain_text("There is no file of routes")
    expect(routes.get_by_role("listitem").first).to_contain_text("the channels of the rule")
    asked = page.get_by_role("region", name="Where would an alert go?")
    asked.get_by_label("Rule", exact=True).fill("database_health")
    asked.get_by_label("Labels").fill("stage")
    asked.get_by_role("button", name="Show").click()
    expect(asked.get_by_role("status")).to_contain_text("Write labels as name=value")
    asked.get_by_label("Labels").fill("service=database")
    asked.get_by_role("button", name="Show").click()
    expect(asked.get_by_role("status")).to_contain_text("takes the route default to log")
    asked.get_by_label("Rule", exact=True).fill("no_such_rule")
    asked.get_by_role("button", name="Show").click()
    expect(asked.get_by_role("status")).to_contain_text("must be the id of a rule")


def test_the_history_of_a_rule_stands_next_to_its_threshold(viewer: Reader, system: System) -> None:
    system.wait_until(lambda: system.get("/api/metrics/errors")["summary"]["last_flush"], what="an evaluation")
    page = viewer.open("rules", refresh_s=60)
    row = page.locator(".rule").filter(has=page.get_by_text("High error rate", exact=True))
    assert row.get_by_role("figure").count() == 0, "nothing is read before somebody asks"
    row.get_by_text("History").click()
    charts = row.get_by_role("figure")
    expect(charts).to_have_count(2)
    expect(charts.first).to_contain_text("Worst value")
    expect(charts.first).to_contain_text("threshold > 50")
    expect(charts.last).to_contain_text("threshold >= 1")
