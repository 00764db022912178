"""Signing in: who may look, and what each role may do."""

import time

from playwright.sync_api import Browser, Page, Route, expect

from local.system import System
from tools.browser_session import Reader, reader


def sign_in(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Open").click()


def sign_out(page: Page, is_everywhere: bool = False) -> None:
    page.get_by_role("button", name="Sign out").click()
    if is_everywhere:
        page.get_by_label("everywhere").check()
    page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()


def test_a_session_survives_tabs_and_no_script_reads_it(chromium: Browser, system: System) -> None:
    with reader(chromium, system, None) as somebody:
        page = somebody.open()
        sign_in(page, system.admin_token)
        expect(page.get_by_role("region", name="Overall state")).to_be_visible()
        kept = "JSON.stringify([sessionStorage, localStorage, document.cookie])"
        assert system.admin_token not in page.evaluate(kept)
        [cookie] = somebody.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        assert cookie["value"] not in page.evaluate(kept)
        assert 6 < (cookie["expires"] - time.time()) / 86_400 <= 7
        other = somebody.context.new_page()
        other.goto(f"{somebody.url}/admin/operations")
        expect(other.get_by_role("region", name="Overall state")).to_be_visible()
        expect(other.get_by_title("Signed in as")).to_have_text("admin")
        sign_out(page)
        expect(other.get_by_label("Token")).to_be_visible()
        assert somebody.context.cookies() == []


def test_an_admin_acts_in_a_session(chromium: Browser, system: System) -> None:
    with reader(chromium, system, None) as somebody:
        page = somebody.open("rules?q=memory_usage")
        sign_in(page, system.admin_token)
        rule = page.get_by_role("listitem").filter(has_text="memory")
        for action in ("Disable", "Enable"):
            rule.get_by_role("button", name=action).click()
            page.get_by_label("Reason").fill("a session may act")
            page.get_by_role("dialog").get_by_role("button", name=action).click()
            expect(page.get_by_role("dialog")).to_have_count(0)


def test_signing_out_everywhere_ends_other_browsers(chromium: Browser, system: System) -> None:
    with reader(chromium, system, None) as somebody, reader(chromium, system, None) as another:
        for each in (somebody, another):
            sign_in(each.open(), system.viewer_token)
            expect(each.page.get_by_role("region", name="Overall state")).to_be_visible()
        sign_out(somebody.page, is_everywhere=True)
        expect(another.page.get_by_role("alert")).to_contain_text("Signed out: the sign-in has expired")


def test_without_a_session_this_tab_keeps_the_token(chromium: Browser, system: System) -> None:
    with reader(chromium, system, None) as somebody:
        page = somebody.page
        refusal = {"error": {"code": "session_needs_https", "message": "no", "request_id": "1"}}
        page.route("**/api/session", lambda route: route.fulfill(status=409, json=refusal))
        page = somebody.open()
        sign_in(page, system.viewer_token)
        expect(page.get_by_role("region", name="Overall state")).to_be_visible()
        assert page.evaluate("sessionStorage.getItem('callwatch-token')") == system.viewer_token
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        assert page.evaluate("sessionStorage.getItem('callwatch-token')") is None


def test_a_token_that_only_sends_says_so(chromium: Browser, system: System) -> None:
    with reader(chromium, system, None) as somebody:
        page = somebody.open()
        sign_in(page, system.ingest_key)
        expect(page.get_by_role("alert")).to_contain_text("needs the role viewer")


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
