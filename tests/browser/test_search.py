"""The search box of the page: by keyboard, escaped, and with few requests."""

from playwright.sync_api import Browser, Page, expect

from local.system import System
from tests.browser.test_alerts import find_group, post
from tests.browser.test_looks import serious
from tools.browser_session import Reader, reader

FIELD = "Search for a call, error, alert, incident, rule, route or runbook"


def test_slash_finds_and_opens_an_error_by_keyboard(viewer: Reader, system: System) -> None:
    post(system, "zebra <b>lost</b> its stripes")
    group = find_group(system, "zebra <b>lost</b> its stripes")
    page = viewer.open(refresh_s=60)
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name=FIELD)
    expect(field).to_be_focused()
    field.press_sequentially("zebra")
    found = page.get_by_role("group", name="Errors").get_by_role("option").first
    expect(found).to_contain_text("zebra <b>lost</b> its stripes")
    # Incidents about it may stand above.
    for _ in range(page.get_by_role("option").count()):
        if found.get_attribute("aria-selected") == "true":
            break
        page.keyboard.press("ArrowDown")
    expect(found).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**#/errors/{group}*")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_rules_and_runbooks_are_found_with_few_requests(viewer: Reader) -> None:
    page = viewer.open(refresh_s=60)
    page.get_by_role("button", name="Search").click()
    field = page.get_by_role("combobox", name=FIELD)
    expect(field).to_be_focused()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    field.press_sequentially("q")
    page.wait_for_timeout(600)
    assert sent == []
    field.press_sequentially("ueue backlog", delay=10)
    expect(page.get_by_role("group", name="Rules").get_by_role("option")).not_to_have_count(0)
    expect(page.get_by_role("group", name="Runbooks").get_by_role("option")).not_to_have_count(0)
    assert len(sent) <= 6, sent
    page.get_by_role("group", name="Runbooks").get_by_role("option").first.click()
    page.wait_for_url("**#/runbooks/queue_backlog*")


def test_escape_closes_the_search_and_returns_the_focus(viewer: Reader) -> None:
    page = viewer.open(refresh_s=60)
    button = page.get_by_role("button", name="Search")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name=FIELD)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()


def open_search(page: Page, words: str) -> None:
    page.keyboard.press("/")
    page.get_by_role("combobox", name=FIELD).fill(words)
    expect(page.get_by_role("option")).not_to_have_count(0)


def test_axe_finds_nothing_serious_in_the_search(chromium: Browser, system: System) -> None:
    for scheme in ("light", "dark"):
        with reader(chromium, system, system.viewer_token, color_scheme=scheme, bypass_csp=True) as somebody:
            page = somebody.open(refresh_s=60)
            open_search(page, "queue")
            assert serious(page) == [], scheme
