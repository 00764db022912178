"""Signing in: who may look, and what each role may do."""

from playwright.sync_api import Browser, Route, expect

from local.system import System
from tools.browser_session import Reader, reader


def test_the_token_opens_the_page_and_stays_in_this_tab_alone(chromium: Browser, system: System) -> None:
    with reader(chromium, system, None) as somebody:
        page = somebody.open()
        page.get_by_label("Token").fill(system.admin_token)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("region", name="Overall state")).to_be_visible()
        assert page.evaluate("sessionStorage.getItem('callwatch-token')") == system.admin_token
        assert page.evaluate("JSON.stringify(localStorage) + document.cookie").find(system.admin_token) == -1
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        assert page.evaluate("sessionStorage.getItem('callwatch-token')") is None


def test_a_refused_token_signs_out_and_says_so(chromium: Browser, system: System) -> None:
    with reader(chromium, system, "not-a-token") as somebody:
        page = somebody.open()
        expect(page.get_by_role("alert")).to_contain_text("not valid")
        expect(page.get_by_label("Token")).to_be_focused()
        assert page.evaluate("sessionStorage.getItem('callwatch-token')") is None


def test_a_viewer_sees_no_button_that_acts(viewer: Reader, system: System) -> None:
    for view in ("rules", "silences", ""):
        page = viewer.open(view)
        expect(page.get_by_role("navigation", name="Views")).to_be_visible()
        page.wait_for_load_state("networkidle")
        acting = page.get_by_role("main").get_by_role("button")
        assert [text for text in acting.all_inner_texts() if text] == []


def test_an_admin_may_disable_a_rule_and_enable_it_again(admin: Reader, system: System) -> None:
    page = admin.open("rules?q=memory_usage")
    rule = page.get_by_role("listitem").filter(has_text="memory")
    rule.get_by_role("button", name="Disable").click()
    page.get_by_label("Reason").fill("a test of the switch")
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(rule.locator(".badge.disabled")).to_be_visible()
    rule.get_by_role("button", name="Enable").click()
    page.get_by_label("Reason").fill("and back")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(rule.get_by_role("button", name="Disable")).to_be_visible()
    assert system.get("/api/rules?limit=200")["items"]


def test_a_token_that_no_header_can_carry_is_refused_as_one(chromium: Browser, system: System) -> None:
    with reader(chromium, system, None) as somebody:
        page = somebody.open()
        page.get_by_label("Token").fill(f"“{system.admin_token}”")
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("alert")).to_contain_text("not valid")


def test_a_late_refusal_of_the_token_before_does_not_sign_out(chromium: Browser, system: System) -> None:
    with reader(chromium, system, "not-a-token") as somebody:
        held: list[Route] = []
        somebody.page.route("**/api/silences?*", lambda route: held.append(route))
        somebody.page.route("**/api/overview", lambda route: held.append(route))
        page = somebody.page
        page.goto(f"{somebody.url}/admin/operations?refresh=60#/silences")
        page.get_by_text("Loading …").wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.unroute("**/api/**")
        page.get_by_label("Token").fill(system.viewer_token)
        page.get_by_role("button", name="Open").click()
        for route in held[:2]:
            route.fulfill(status=401, json={"error": {"code": "unauthorized", "message": "no", "request_id": "1"}})
        page.wait_for_timeout(500)
        expect(page.get_by_label("Token")).to_have_count(0)
